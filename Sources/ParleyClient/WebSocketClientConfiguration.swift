public import WebSocketProtocol

/// How a ``WebSocketClient`` connects, and what it puts up with.
public struct WebSocketClientConfiguration: Sendable {
    /// Whose certificates are trusted for `wss:`.
    public struct CertificateVerification: Sendable, Equatable {
        enum Wrapped: Equatable {
            case system
            case authorities(file: String)
            case none
        }

        let wrapped: Wrapped

        /// Certificates for the URL's host by an authority that the operating system trusts.
        public static let system = Self(wrapped: .system)
        /// Certificates for the URL's host by an authority in a PEM file, and no other.
        public static func authorities(file: String) -> Self { Self(wrapped: .authorities(file: file)) }
        /// Any certificate at all. Whoever sits between us and the server can read and change everything.
        public static let insecure = Self(wrapped: .none)
    }

    /// A header field of the request.
    public struct Header: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Sent with the handshake, beside the fields that it needs itself and that cannot be set here.
    public var headers: [Header] = []
    /// Offered in order of preference (`Sec-WebSocket-Protocol`); the server picks at most one of them.
    public var subprotocols: [String] = []
    /// The compression to offer (RFC 7692); `nil` offers none. The server may decline.
    public var compression: PerMessageDeflateOffer? = PerMessageDeflateOffer()
    public var certificateVerification = CertificateVerification.system
    /// For the whole way to an open connection: name, TCP, TLS and handshake.
    public var connectTimeout = Duration.seconds(10)
    /// How long the server may take to answer a close frame; then the connection is cut.
    public var closeTimeout = Duration.seconds(5)
    /// How long the server may take to answer ``WebSocketClient/ping()``.
    public var pingTimeout = Duration.seconds(10)
    /// What the server may send; beyond it the connection is closed with 1009 or 1008. One message has at most 16 MiB.
    public var limits = WebSocketLimits(maximumMessageBytes: 16 << 20)
    /// Bytes of messages that may wait for ``WebSocketClient/messages`` to be read. Above it the client stops reading
    /// from the network, and the server sees back-pressure; it goes on at half of it.
    public var maximumWaitingBytes = 1 << 20
    /// Called for each ping, pong and close frame that comes, on the connection's event loop: it must not block.
    public var onControlEvent: (@Sendable (WebSocketControlEvent) -> Void)?

    public init() {}
}
