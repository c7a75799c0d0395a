public import NIOCore
public import SocketIO
internal import Synchronization

extension Socket {
    /// Sends an event to this client.
    ///
    /// Nothing happens when it is disconnected, or when the name is reserved (``ReservedEvent``).
    public func emit(_ event: String, _ arguments: any SocketValueConvertible...) {
        self.emit(event, arguments: SocketArguments(arguments.map(\.socketValue)))
    }

    /// Sends an event; arguments that came from a client are passed on as the bytes in which they came.
    public func emit(_ event: String, arguments: SocketArguments) {
        self.emit(event, arguments, options: EmitOptions())
    }

    /// Sends an event and waits for the client's answer.
    /// - Throws: ``AcknowledgementError/disconnected`` when the client goes before it has answered.
    public func emitWithAck(_ event: String, _ arguments: any SocketValueConvertible...) async throws -> SocketArguments
    {
        try await self.emitWithAck(
            event,
            SocketArguments(arguments.map(\.socketValue)),
            options: EmitOptions(),
            timeout: nil
        )
    }

    /// Sends an event; `acknowledgement` is called with the client's answer, or with why there is none.
    public func emit(
        _ event: String,
        arguments: SocketArguments = .none,
        timeout: TimeAmount? = nil,
        acknowledgement: @escaping @Sendable (Result<SocketArguments, AcknowledgementError>) -> Void
    ) {
        self.emit(event, arguments, options: EmitOptions(), timeout: timeout, acknowledgement)
    }

    /// Emits that are lost when the client's transport does not take them at once.
    public var volatile: SocketEmitter { SocketEmitter(socket: self, options: EmitOptions(isVolatile: true)) }

    /// Emits with or without compression.
    public func compress(_ compresses: Bool) -> SocketEmitter {
        SocketEmitter(socket: self, options: EmitOptions(compresses: compresses))
    }

    /// Emits whose acknowledgement must come within `amount`.
    public func timeout(_ amount: TimeAmount) -> SocketEmitter {
        SocketEmitter(socket: self, options: EmitOptions(), timeout: amount)
    }

    // MARK: To others

    /// Everybody in the namespace but this socket.
    public var broadcast: BroadcastOperator {
        BroadcastOperator(namespace: self.namespace, excluding: self)
    }

    /// Everybody in `rooms` but this socket.
    public func to(_ rooms: String...) -> BroadcastOperator { self.broadcast.to(rooms) }
    public func to(_ rooms: [String]) -> BroadcastOperator { self.broadcast.to(rooms) }
    /// The same as ``to(_:)-(String...)``.
    public func `in`(_ rooms: String...) -> BroadcastOperator { self.broadcast.to(rooms) }
    /// Everybody in the namespace but this socket and those in `rooms`.
    public func except(_ rooms: String...) -> BroadcastOperator { self.broadcast.except(rooms) }
    /// Everybody on this node but this socket.
    public var local: BroadcastOperator { self.broadcast.local }

    // MARK: How

    func emit(_ event: String, _ arguments: SocketArguments, options: EmitOptions) {
        guard self.namespace.mayEmit(event) else { return }
        if self.eventLoop.inEventLoop {
            self.owner.emit(event, arguments, id: nil, from: self, options: options)
        } else {
            self.perform(.emit(event, arguments.detached(), id: nil, options))
        }
    }

    func emit(
        _ event: String,
        _ arguments: SocketArguments,
        options: EmitOptions,
        timeout: TimeAmount?,
        _ acknowledgement: @escaping @Sendable (Result<SocketArguments, AcknowledgementError>) -> Void
    ) {
        guard self.namespace.mayEmit(event) else { return acknowledgement(.failure(.reservedEvent)) }
        let id = self.namespace.nextAcknowledgementID()
        let pending = PendingAcknowledgement(acknowledgement)
        let isOpen = self.state.withLock { state in
            guard state.phase != .disconnected else { return false }
            state.acknowledgements[id] = pending
            return true
        }
        guard isOpen else { return acknowledgement(.failure(.disconnected)) }
        if let timeout {
            self.eventLoop.scheduleTask(in: timeout) {
                self.takeAcknowledgement(id)?.complete(.failure(.timedOut))
            }
        }
        self.perform(.emit(event, arguments.detached(), id: id, options))
    }

    func emitWithAck(
        _ event: String,
        _ arguments: SocketArguments,
        options: EmitOptions,
        timeout: TimeAmount?
    ) async throws -> SocketArguments {
        try await withCheckedThrowingContinuation { continuation in
            self.emit(event, arguments, options: options, timeout: timeout) { continuation.resume(with: $0) }
        }
    }

    func takeAcknowledgement(_ id: UInt64) -> PendingAcknowledgement? {
        self.state.withLock { $0.acknowledgements.removeValue(forKey: id) }
    }

    func sendAcknowledgement(_ id: UInt64, _ arguments: SocketArguments) {
        if self.eventLoop.inEventLoop {
            self.owner.acknowledge(id, arguments, from: self)
        } else {
            self.perform(.acknowledge(id, arguments.detached()))
        }
    }
}

/// Emits to one client with options set before.
public struct SocketEmitter: Sendable {
    let socket: Socket
    var options: EmitOptions
    var timeout: TimeAmount?

    public var volatile: SocketEmitter {
        var copy = self
        copy.options.isVolatile = true
        return copy
    }

    public func compress(_ compresses: Bool) -> SocketEmitter {
        var copy = self
        copy.options.compresses = compresses
        return copy
    }

    public func timeout(_ amount: TimeAmount) -> SocketEmitter {
        var copy = self
        copy.timeout = amount
        return copy
    }

    public func emit(_ event: String, _ arguments: any SocketValueConvertible...) {
        self.socket.emit(event, SocketArguments(arguments.map(\.socketValue)), options: self.options)
    }

    public func emit(_ event: String, arguments: SocketArguments) {
        self.socket.emit(event, arguments, options: self.options)
    }

    /// - Throws: ``AcknowledgementError``.
    public func emitWithAck(_ event: String, _ arguments: any SocketValueConvertible...) async throws -> SocketArguments
    {
        try await self.socket.emitWithAck(
            event,
            SocketArguments(arguments.map(\.socketValue)),
            options: self.options,
            timeout: self.timeout
        )
    }
}
