internal import NIOCore

/// Messages between the network and those who wait for them, and when to stop reading from the network.
///
/// Reading stops when more than the maximum waits and goes on when no more than half of it does, so that it does not go
/// on and off with every message.
struct InboundQueue<Element, Waiter> {
    enum PushAction {
        /// Give the element to this waiter.
        case deliver(Waiter)
        case none
        /// The element waits, and no more should be read.
        case stopReading
    }

    enum NextAction {
        case deliver(Element, resumesReading: Bool)
        /// The caller waits until ``push(_:bytes:)``, ``finish(_:)`` or ``cancel(_:)`` gives its waiter back.
        case wait
        case finish((any Error)?)
    }

    /// What an element costs beside its bytes, so that a flood of empty ones is bounded, too.
    static var elementOverhead: Int { 64 }

    private let maximumBytes: Int
    private var waiting = CircularBuffer<(element: Element, bytes: Int)>()
    private var waitingBytes = 0
    private var waiters = CircularBuffer<(id: Int, waiter: Waiter)>()
    private var isReadingStopped = false
    private var ending: Ending?

    private struct Ending {
        var error: (any Error)?
    }

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// An element came from the network. After ``finish(_:)`` it is dropped.
    mutating func push(_ element: Element, bytes: Int) -> PushAction {
        guard self.ending == nil else { return .none }
        if let first = self.waiters.popFirst() { return .deliver(first.waiter) }
        let bytes = bytes + Self.elementOverhead
        self.waiting.append((element, bytes))
        self.waitingBytes += bytes
        guard self.waitingBytes > self.maximumBytes, !self.isReadingStopped else { return .none }
        self.isReadingStopped = true
        return .stopReading
    }

    /// Somebody wants the next element. `id` names the waiter, in case it waits and gives up.
    mutating func next(_ id: Int, _ waiter: Waiter) -> NextAction {
        if let (element, resumesReading) = self.poll() { return .deliver(element, resumesReading: resumesReading) }
        if let ending = self.ending { return .finish(ending.error) }
        self.waiters.append((id, waiter))
        return .wait
    }

    /// The next element, if there is one already.
    mutating func poll() -> (Element, resumesReading: Bool)? {
        guard let first = self.waiting.popFirst() else { return nil }
        self.waitingBytes -= first.bytes
        let resumes = self.isReadingStopped && self.waitingBytes <= self.maximumBytes / 2
        if resumes { self.isReadingStopped = false }
        return (first.element, resumes)
    }

    /// A waiter gave up: it is returned, unless it was given back before.
    mutating func cancel(_ id: Int) -> Waiter? {
        guard let index = self.waiters.firstIndex(where: { $0.id == id }) else { return nil }
        return self.waiters.remove(at: index).waiter
    }

    /// Nothing more comes; what waits can still be had. Returns those who wait in vain; later calls change nothing.
    mutating func finish(_ error: (any Error)?) -> [Waiter] {
        guard self.ending == nil else { return [] }
        self.ending = Ending(error: error)
        defer { self.waiters.removeAll() }
        return self.waiters.map(\.waiter)
    }
}
