public import ParleyModel

/// What kept an AI from answering. Two errors are equal when their codes are.
///
/// Never has the key, the conversation or the provider's words in it.
public struct ChatProviderError: SpokenError, Sendable, Equatable {
    /// What kind of error it is. More may be added: a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String {
            case invalidURL, invalidKey, connectionFailed, timedOut, refused, malformedAnswer, answerTooLong, failed
        }

        private let wrapped: Wrapped

        /// The setting AI_API_URL is no `http:` or `https:` URL.
        public static let invalidURL = Self(wrapped: .invalidURL)
        /// The setting AI_API_KEY cannot stand in a header field.
        public static let invalidKey = Self(wrapped: .invalidKey)
        /// No connection, or it was lost.
        public static let connectionFailed = Self(wrapped: .connectionFailed)
        /// No connection, no byte of the answer, or not its end, in time.
        public static let timedOut = Self(wrapped: .timedOut)
        /// An HTTP status other than 2xx; see ``ChatProviderError/status``.
        public static let refused = Self(wrapped: .refused)
        /// Not what chat completions look like.
        public static let malformedAnswer = Self(wrapped: .malformedAnswer)
        /// More than is passed on.
        public static let answerTooLong = Self(wrapped: .answerTooLong)
        /// The provider gave up in the middle of its answer.
        public static let failed = Self(wrapped: .failed)

        /// Bounded: may be a label of metrics.
        public var description: String { self.wrapped.rawValue }
    }

    public var code: Code
    /// A sentence for operators.
    public var message: String
    /// The HTTP status when the code is ``Code/refused``.
    public var status: Int?
    /// What the network said, if it did.
    public var underlyingError: (any Error)?
    /// Where the error was made.
    public var file: String
    public var line: Int

    init(
        _ code: Code,
        _ message: String,
        status: Int? = nil,
        underlyingError: (any Error)? = nil,
        file: String = #fileID,
        line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.status = status
        self.underlyingError = underlyingError
        self.file = file
        self.line = line
    }

    public var description: String { self.message }

    public static func == (lhs: Self, rhs: Self) -> Bool { lhs.code == rhs.code }
}
