/// One contribution to a conversation with an AI.
public struct ChatTurn: Sendable, Equatable {
    public enum Role: String, Sendable {
        case system
        case user
        case assistant
    }

    public var role: Role
    public var content: String

    public init(role: Role, content: String) {
        self.role = role
        self.content = content
    }
}

/// What answers `ai:chat`.
public protocol ChatProvider: Sendable {
    /// `built-in`, or the host that is asked: shown by `GET /api/ai/status`.
    var name: String { get }

    /// Continues a conversation.
    /// - Parameter locale: The language that the client asked for, as BCP 47 has it; `nil`: it did not say.
    /// - Returns: The answer in pieces, none of them empty; their concatenation is the answer. Throws what went wrong. For one
    ///   consumer; cancelling its task ends the work behind it, as does letting go of the stream. Once cancelled, the stream
    ///   may just end.
    func answer(to turns: [ChatTurn], locale: String?) -> AsyncThrowingStream<String, any Error>
}

extension AsyncThrowingStream where Element == String, Failure == any Error {
    /// A stream of what `body` yields, in a task of its own that is cancelled when nobody wants the rest.
    ///
    /// What is yielded and not consumed is kept: `body` sees to it that this is not much.
    package static func pieces(
        _ body: @escaping @Sendable (_ yield: (String) -> Void) async throws -> Void
    ) -> AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    try await body { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
