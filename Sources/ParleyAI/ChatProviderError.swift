internal import ParleyModel

/// What kept an AI from answering. Two errors are equal when their codes are.
///
/// Never has the key, the conversation or the provider's words in it.
package struct ChatProviderError: SpokenError, Sendable, Equatable {
    /// What kind of error it is. More may be added: a `switch` needs a `default`.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String {
            case invalidURL, invalidKey, connectionFailed, timedOut, refused, malformedAnswer, answerTooLong, failed
        }

        private let wrapped: Wrapped

        /// The setting AI_API_URL is no `http:` or `https:` URL.
        package static let invalidURL = Self(wrapped: .invalidURL)
        /// The setting AI_API_KEY cannot stand in a header field.
        package static let invalidKey = Self(wrapped: .invalidKey)
        /// No connection, or it was lost.
        package static let connectionFailed = Self(wrapped: .connectionFailed)
        /// No connection, no byte of the answer, or not its end, in time.
        package static let timedOut = Self(wrapped: .timedOut)
        /// An HTTP status other than 2xx; see ``ChatProviderError/status``.
        package static let refused = Self(wrapped: .refused)
        /// Not what chat completions look like.
        package static let malformedAnswer = Self(wrapped: .malformedAnswer)
        /// More than is passed on.
        package static let answerTooLong = Self(wrapped: .answerTooLong)
        /// The provider gave up in the middle of its answer.
        package static let failed = Self(wrapped: .failed)

        /// Bounded: may be a label of metrics.
        package var description: String { self.wrapped.rawValue }
    }

    package var code: Code
    /// A sentence for operators.
    package var message: String
    /// The HTTP status when the code is ``Code/refused``.
    package var status: Int?
    /// What the network said, if it did.
    package var underlyingError: (any Error)?
    /// Where the error was made.
    package var file: String
    package var line: Int

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

    package var description: String { self.message }

    package static func == (lhs: Self, rhs: Self) -> Bool { lhs.code == rhs.code }
}
