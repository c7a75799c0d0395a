internal import ParleyModel
internal import Synchronization

/// What the event gateway does with events: one table for native WebSocket and Socket.IO.
///
/// ```swift
/// router.on("greet") { event in
///     event.connection.emit("greeting") { $0.write("text", "Hello") }
/// }
/// ```
public final class EventRouter: Sendable {
    public typealias Handler = @Sendable (GatewayEvent) -> Void

    private let handlers = Mutex<[ExactString: Handler]>([:])

    public init() {}

    /// Has `handler` called for every event of that name, instead of whatever was before. It runs on the client's event loop and
    /// must not block; what takes time goes into ``GatewayConnection/run(atMost:_:)``.
    public func on(_ event: String, _ handler: @escaping Handler) {
        self.handlers.withLock { $0[ExactString(event)] = handler }
    }

    /// Takes over what `other` does with events that mean nothing here yet.
    func adopt(_ other: EventRouter) {
        let others = other.handlers.withLock { $0 }
        self.handlers.withLock { $0.merge(others) { mine, _ in mine } }
    }

    /// The names that mean something, in alphabetical order.
    public var events: [String] { self.handlers.withLock { $0.keys.sorted().map(\.text) } }

    /// Hands an event to its handler; a name that means nothing is answered with `error`.
    func dispatch(_ event: GatewayEvent) {
        if let handler = self.handlers.withLock({ $0[ExactString(event.name)] }) {
            handler(event)
        } else {
            event.connection.emitError("Unknown event type: \(event.name)")
        }
    }
}

extension GatewayConnection {
    func emitError(_ text: String) {
        self.emit("error") { $0.write("error", text) }
    }
}
