internal import ParleyModel

/// Asks one provider, and another when the first fails without having said anything.
///
/// A failure after the first piece is thrown, as what was said cannot be taken back; so is a cancellation, always.
public struct FallbackChatProvider: ChatProvider {
    private let primary: any ChatProvider
    private let fallback: any ChatProvider
    private let report: @Sendable (any Error) -> Void
    private let interrupted: @Sendable (any Error) -> Void

    /// An answer without a word.
    struct EmptyAnswer: SpokenError {
        let name: String
        var description: String { "\(self.name) answered without a word" }
    }

    /// - Parameters:
    ///   - report: Called with the errors that nobody else gets to see, as the fallback answered.
    ///   - interrupted: Called with errors in the middle of an answer, which its reader gets to see, too.
    public init(
        _ primary: any ChatProvider,
        else fallback: any ChatProvider = BuiltInChatProvider(.providerFailed),
        report: @escaping @Sendable (any Error) -> Void = { _ in },
        interrupted: @escaping @Sendable (any Error) -> Void = { _ in }
    ) {
        self.primary = primary
        self.fallback = fallback
        self.report = report
        self.interrupted = interrupted
    }

    public var name: String { self.primary.name }

    public func answer(to turns: [ChatTurn], locale: String?) -> AsyncThrowingStream<String, any Error> {
        .pieces { yield in
            var hasSpoken = false
            do {
                for try await piece in self.primary.answer(to: turns, locale: locale) {
                    hasSpoken = true
                    yield(piece)
                }
                if !hasSpoken, !Task.isCancelled { self.report(EmptyAnswer(name: self.name)) }
            } catch {
                if hasSpoken, !Task.isCancelled { self.interrupted(error) }
                guard !hasSpoken, !Task.isCancelled else { throw error }
                self.report(error)
            }
            // An answer without a word is none.
            guard !hasSpoken, !Task.isCancelled else { return }
            for try await piece in self.fallback.answer(to: turns, locale: locale) { yield(piece) }
        }
    }
}
