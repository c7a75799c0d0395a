internal import Synchronization

/// An ``InboundQueue`` of messages that the event loop fills and tasks empty.
final class Inbox: Sendable {
    enum PushAction { case none, stopReading }

    private typealias Waiter = CheckedContinuation<WebSocketMessage?, any Error>

    private struct State {
        var queue: InboundQueue<WebSocketMessage, Waiter>
        var lastID = 0
        var resumeReading: (@Sendable () -> Void)?
    }

    private let state: Mutex<State>

    init(maximumBytes: Int) {
        self.state = Mutex(State(queue: InboundQueue(maximumBytes: maximumBytes)))
    }

    /// - Parameter resume: Called from any thread when reading should go on after ``PushAction/stopReading``.
    func onResumeReading(_ resume: @escaping @Sendable () -> Void) {
        self.state.withLock { $0.resumeReading = resume }
    }

    func push(_ message: WebSocketMessage, bytes: Int) -> PushAction {
        switch self.state.withLock({ $0.queue.push(message, bytes: bytes) }) {
        case .deliver(let waiter):
            waiter.resume(returning: message)
            return .none
        case .none: return .none
        case .stopReading: return .stopReading
        }
    }

    func finish(_ error: (any Error)?) {
        let waiters = self.state.withLock { state in
            state.resumeReading = nil
            return state.queue.finish(error)
        }
        for waiter in waiters { Self.end(waiter, error) }
    }

    /// The next message; `nil` when the connection has ended and no message is left.
    func next() async throws -> WebSocketMessage? {
        let id = self.state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { self.next(id, $0) }
        } onCancel: {
            self.state.withLock { $0.queue.cancel(id) }?.resume(throwing: CancellationError())
        }
    }

    /// The next message, if it is here already.
    func poll() -> WebSocketMessage? {
        let (polled, resume) = self.state.withLock { ($0.queue.poll(), $0.resumeReading) }
        if polled?.resumesReading == true { resume?() }
        return polled?.0
    }

    private func next(_ id: Int, _ waiter: Waiter) {
        // Under the lock: a cancellation before this finds no waiter and is seen here, one after this finds it.
        let (action, resume) = self.state.withLock { state in
            Task.isCancelled ? (nil, nil) : (state.queue.next(id, waiter), state.resumeReading)
        }
        switch action {
        case .deliver(let message, let resumesReading):
            if resumesReading { resume?() }
            waiter.resume(returning: message)
        case .finish(let error): Self.end(waiter, error)
        case .wait: break
        case nil: waiter.resume(throwing: CancellationError())
        }
    }

    private static func end(_ waiter: Waiter, _ error: (any Error)?) {
        if let error {
            waiter.resume(throwing: error)
        } else {
            waiter.resume(returning: nil)
        }
    }
}
