internal import Synchronization

/// Lines on their way to one reader: as many as ``OutputLog`` keeps, however slowly it reads; it misses the oldest then.
final class OutputFeed: Sendable {
    private struct State {
        var pending = OutputLog()
        var isFinished = false
        var reader: CheckedContinuation<String?, Never>?

        /// - Returns: `nil`: nothing has come yet.
        mutating func take() -> String?? {
            if let line = self.pending.removeFirst() { return line }
            return self.isFinished ? .some(nil) : nil
        }
    }

    private let state = Mutex(State())

    func append(_ line: String) {
        let reader = self.state.withLock { state -> CheckedContinuation<String?, Never>? in
            if let reader = state.reader.take() { return reader }
            state.pending.append(line)
            return nil
        }
        reader?.resume(returning: line)
    }

    func finish() {
        let reader = self.state.withLock { state in
            state.isFinished = true
            return state.reader.take()
        }
        reader?.resume(returning: nil)
    }

    /// For one reader. - Returns: `nil` at the end, and when its task is cancelled.
    func next() async -> String? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let found = self.state.withLock { state -> String?? in
                    if Task.isCancelled { state.isFinished = true }
                    let found = state.take()
                    if found == nil { state.reader = continuation }
                    return found
                }
                if let found { continuation.resume(returning: found) }
            }
        } onCancel: {
            self.finish()
        }
    }
}

/// The output of a backend for one reader: what is kept, and from then on each line as it comes.
public final class OutputLines: AsyncSequence, Sendable {
    let feed = OutputFeed()
    private let onEnd: @Sendable () -> Void

    /// - Parameter onEnd: Called when nobody can read any more.
    init(onEnd: @escaping @Sendable () -> Void) {
        self.onEnd = onEnd
    }

    deinit { self.onEnd() }

    public struct Iterator: AsyncIteratorProtocol {
        /// Keeps the feed alive.
        fileprivate let lines: OutputLines

        public mutating func next() async -> String? { await self.lines.feed.next() }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(lines: self) }
}
