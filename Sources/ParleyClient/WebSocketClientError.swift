internal import ParleyModel

/// What a WebSocket client could not do. Two errors are equal when their codes are.
public struct WebSocketClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of error it is. More may be added: a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String {
            case invalidURL, invalidArgument, connectionFailed, tlsFailed, timedOut, refused, invalidHandshake, closed
            case connectionLost, protocolViolation, unexpectedMessage
        }

        private let wrapped: Wrapped

        /// Not a `ws:` or `wss:` URL.
        public static let invalidURL = Self(wrapped: .invalidURL)
        /// Something the caller passed can never be sent, a close code of 1005 for instance.
        public static let invalidArgument = Self(wrapped: .invalidArgument)
        /// No TCP connection: the name is unknown, or nobody listens there.
        public static let connectionFailed = Self(wrapped: .connectionFailed)
        /// No TLS session, most often because the certificate is not trusted.
        public static let tlsFailed = Self(wrapped: .tlsFailed)
        /// No connection, or no pong, in the configured time.
        public static let timedOut = Self(wrapped: .timedOut)
        /// The server answered the handshake with an HTTP status other than 101; see ``WebSocketClientError/refusal``.
        public static let refused = Self(wrapped: .refused)
        /// The server answered 101, but not as RFC 6455 §4.1 demands, or not in HTTP.
        public static let invalidHandshake = Self(wrapped: .invalidHandshake)
        /// The connection is closed or being closed, so nothing can be sent.
        public static let closed = Self(wrapped: .closed)
        /// The connection ended without a close frame.
        public static let connectionLost = Self(wrapped: .connectionLost)
        /// The server broke a rule of RFC 6455, or passed a limit of ours.
        public static let protocolViolation = Self(wrapped: .protocolViolation)
        /// A message that is none of the dialect.
        public static let unexpectedMessage = Self(wrapped: .unexpectedMessage)

        public var description: String { self.wrapped.rawValue }
    }

    /// An HTTP answer in place of a WebSocket connection.
    public struct Refusal: Sendable, Equatable {
        public struct Header: Sendable, Equatable {
            public var name: String
            public var value: String
        }

        /// The HTTP status code, for instance 401.
        public var status: Int
        /// The words beside the status, for instance `Unauthorized`.
        public var reasonPhrase: String
        /// In the order in which they came.
        public var headers: [Header]
        /// The body as text, at most its first 64 KiB.
        public var body: String

        /// The first value of a header field, whatever the case of its name.
        public func header(_ name: String) -> String? {
            self.headers.first { $0.name.hasSameBytesInAnyCase(as: name) }?.value
        }
    }

    public var code: Code
    /// A sentence: what was expected and what came.
    public var message: String
    /// Set when the code is ``Code/refused``.
    public var refusal: Refusal?
    /// What the network or the TLS library said, if one of them did.
    public var underlyingError: (any Error)?
    /// Where in this library the error was made.
    public var file: String
    public var line: Int

    init(
        _ code: Code,
        _ message: String,
        refusal: Refusal? = nil,
        underlyingError: (any Error)? = nil,
        file: String = #fileID,
        line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.refusal = refusal
        self.underlyingError = underlyingError
        self.file = file
        self.line = line
    }

    public var description: String { self.message }

    public static func == (lhs: Self, rhs: Self) -> Bool { lhs.code == rhs.code }
}

extension Duration {
    /// `2.5 s`, as messages have it.
    var seconds: String {
        let value = Double(self.components.seconds) + Double(self.components.attoseconds) / 1e18
        return value == value.rounded() ? "\(Int(value)) s" : "\(value) s"
    }
}
