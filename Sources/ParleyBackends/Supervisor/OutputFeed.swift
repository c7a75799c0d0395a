internal import Synchronization

/// Lines on their way to one reader: as many as ``OutputLog`` keeps, however slowly it reads; it misses the oldest then.
final class OutputFeed: Sendable {
    private struct State {
        var pending: OutputLog
        var isFinished = false
        var reader: CheckedContinuation<String?, Never>?

        /// - Returns: `nil`: nothing has come yet.
        mutating func take() -> String?? {
            if let line = self.pending.removeFirst() { return line }
            return self.isFinished ? .some(nil) : nil
        }
    }

    /// A reader that waits, and the line for it.
    struct Delivery: Sendable {
        fileprivate let reader: CheckedContinuation<String?, Never>
        fileprivate let line: String

        func perform() { self.reader.resume(returning: self.line) }
    }

    private let state: Mutex<State>

    /// - Parameter pending: What the reader gets first.
    init(_ pending: OutputLog = OutputLog()) {
        self.state = Mutex(State(pending: pending))
    }

    /// The line has its place among the others; who reads it is not woken yet.
    /// - Returns: What the caller is to do then, if somebody waits.
    func append(_ line: String) -> Delivery? {
        self.state.withLock { state in
            if let reader = state.reader.take() { return Delivery(reader: reader, line: line) }
            state.pending.append(line)
            return nil
        }
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
    private let feed: OutputFeed
    private let onEnd: @Sendable () -> Void

    /// - Parameter onEnd: Called when nobody can read any more.
    init(_ feed: OutputFeed, onEnd: @escaping @Sendable () -> Void) {
        self.feed = feed
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
