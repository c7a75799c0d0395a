internal import Logging
internal import ParleyModel
public import SocketIO
internal import Synchronization

extension Socket {
    // MARK: Listening

    /// Calls `handler` for every event of that name, on the connection's event loop; it must not block.
    public func on(_ event: String, _ handler: @escaping @Sendable (SocketEvent) -> Void) {
        self.add(EventHandler(body: .immediate(handler)), for: event)
    }

    /// As above, for a handler that waits. Events are begun in their order, and run side by side from their first wait on.
    ///
    /// How many run is not bounded: where a client may send faster than its events are handled, count them in ``use(_:)``.
    public func on(_ event: String, _ handler: @escaping @Sendable (SocketEvent) async -> Void) {
        self.add(EventHandler(body: .waiting(handler)), for: event)
    }

    /// Calls `handler` for the next event of that name only.
    public func once(_ event: String, _ handler: @escaping @Sendable (SocketEvent) -> Void) {
        self.add(EventHandler(body: .immediate(handler), isOnce: true), for: event)
    }

    /// Forgets every handler of `event`.
    public func off(_ event: String) {
        self.state.withLock { $0.handlers[ExactString(event)] = nil }
    }

    /// Calls `handler` for every event, before the handlers of its name.
    public func onAny(_ handler: @escaping @Sendable (SocketEvent) -> Void) {
        self.extend { $0.any.append(EventHandler(body: .immediate(handler))) }
    }

    /// As above, for a handler that waits.
    public func onAny(_ handler: @escaping @Sendable (SocketEvent) async -> Void) {
        self.extend { $0.any.append(EventHandler(body: .waiting(handler))) }
    }

    /// Calls `handler` for every event that is sent to this client, broadcasts included.
    public func onAnyOutgoing(_ handler: @escaping @Sendable (_ event: String, SocketArguments) -> Void) {
        self.extend { $0.anyOutgoing.append(handler) }
        self.namespace.hasOutgoingListeners.store(true, ordering: .relaxed)
    }

    /// Sees every event before its handlers, in the order of registration. One that throws keeps the event from them: the
    /// handlers of ``onError(_:)`` are told, the client is not.
    public func use(_ middleware: @escaping @Sendable (SocketEvent) throws -> Void) {
        self.extend { $0.middlewares.append(middleware) }
    }

    /// Called when the socket is about to leave: its rooms are still there.
    public func onDisconnecting(_ handler: @escaping @Sendable (DisconnectReason) -> Void) {
        self.extend { $0.disconnecting.append(handler) }
    }

    /// Called when the socket has left.
    public func onDisconnect(_ handler: @escaping @Sendable (DisconnectReason) -> Void) {
        self.extend { $0.disconnect.append(handler) }
    }

    /// Called with what an event middleware threw.
    public func onError(_ handler: @escaping @Sendable (any Error) -> Void) {
        self.extend { $0.error.append(handler) }
    }

    /// Called when everything that waited for a slow reader has been sent.
    public func onDrain(_ handler: @escaping @Sendable () -> Void) {
        self.extend { $0.drain.append(handler) }
    }

    private func add(_ handler: EventHandler, for event: String) {
        self.state.withLock { state in
            guard state.phase != .disconnected else { return }
            state.handlers[ExactString(event), default: []].append(handler)
        }
    }

    private func extend(_ body: (inout SocketExtras) -> Void) {
        self.state.withLock { state in
            guard state.phase != .disconnected else { return }
            var extras = state.extras ?? SocketExtras()
            body(&extras)
            state.extras = extras
        }
    }

    // MARK: Being told

    /// On the event loop: hands an event to the application.
    func dispatch(_ event: SocketEvent) {
        let (extras, handlers) = self.state.withLock { state -> (SocketExtras?, [EventHandler]) in
            guard state.phase == .connected else { return (nil, []) }
            let name = ExactString(event.name)
            let handlers = state.handlers[name] ?? []
            if handlers.contains(where: \.isOnce) { state.handlers[name] = handlers.filter { !$0.isOnce } }
            return (state.extras, handlers)
        }
        if let extras {
            for middleware in extras.middlewares {
                do {
                    try middleware(event)
                } catch {
                    for handler in extras.error { handler(error) }
                    return
                }
            }
            for handler in extras.any { handler.call(event) }
        }
        for handler in handlers { handler.call(event) }
    }

    func notifyOutgoing(_ event: String, _ arguments: SocketArguments) {
        let listeners = self.state.withLock { $0.extras?.anyOutgoing ?? [] }
        for listener in listeners { listener(event, arguments) }
    }

    func notifyDrain() {
        let listeners = self.state.withLock { $0.extras?.drain ?? [] }
        for listener in listeners { listener() }
    }

    /// On the event loop: the socket has left, or is leaving. Handlers are forgotten afterwards, as they often hold the socket.
    func notifyDisconnected(_ reason: DisconnectReason, leavingRooms: () -> Void) {
        let extras = self.state.withLock { $0.extras }
        for handler in extras?.disconnecting ?? [] { handler(reason) }
        leavingRooms()
        let acknowledgements = self.state.withLock { state in
            state.phase = .disconnected
            let acknowledgements = state.acknowledgements
            state.acknowledgements = [:]
            return acknowledgements
        }
        for handler in extras?.disconnect ?? [] { handler(reason) }
        self.state.withLock { state in
            state.handlers = [:]
            state.extras = nil
            state.rooms = []
        }
        for pending in acknowledgements.values { pending.complete(.failure(.disconnected)) }
    }
}
