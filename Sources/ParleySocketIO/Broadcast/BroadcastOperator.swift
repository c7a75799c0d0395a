public import NIOCore
internal import ParleyHub
public import SocketIO

/// Speaks to a selection of a namespace's sockets, or does something to them.
///
/// A value: each step gives a new one, narrowed down further. Events are encoded once, whatever the number of recipients.
public struct BroadcastOperator: Sendable {
    let namespace: Namespace
    private var selection: Selection
    private var timeout: TimeAmount?

    init(namespace: Namespace, excluding socket: Socket?) {
        self.namespace = namespace
        self.selection = Selection(excluding: socket?.hubID, excludedID: socket?.id)
    }

    // MARK: Whom

    /// Those in any of `rooms`, each once; together with rooms named before.
    public func to(_ rooms: String...) -> BroadcastOperator { self.to(rooms) }
    public func to(_ rooms: [String]) -> BroadcastOperator {
        var copy = self
        copy.selection.rooms += rooms
        return copy
    }

    /// The same as ``to(_:)-(String...)``.
    public func `in`(_ rooms: String...) -> BroadcastOperator { self.to(rooms) }

    /// But for those in any of `rooms`.
    public func except(_ rooms: String...) -> BroadcastOperator { self.except(rooms) }
    public func except(_ rooms: [String]) -> BroadcastOperator {
        var copy = self
        copy.selection.except += rooms
        return copy
    }

    /// Only those connected to this node.
    public var local: BroadcastOperator { self }

    // MARK: How

    /// Lost for those whose transport does not take it at once.
    public var volatile: BroadcastOperator {
        var copy = self
        copy.selection.options.isVolatile = true
        return copy
    }

    /// Whether it may be compressed where that was agreed on.
    public func compress(_ compresses: Bool) -> BroadcastOperator {
        var copy = self
        copy.selection.options.compresses = compresses
        return copy
    }

    /// How long acknowledgements may take.
    public func timeout(_ amount: TimeAmount) -> BroadcastOperator {
        var copy = self
        copy.timeout = amount
        return copy
    }

    // MARK: What

    public func emit(_ event: String, _ arguments: any SocketValueConvertible...) {
        self.emit(event, arguments: SocketArguments(arguments.map(\.socketValue)))
    }

    /// Delivered at most once to each, in the order in which one sender sends.
    public func emit(_ event: String, arguments: SocketArguments) {
        guard self.namespace.mayEmit(event), let site = self.namespace.server.site else { return }
        // On an event loop it happens here and now, and needs no copy.
        if let shard = site.presentShard {
            return self.namespace.publish(event, arguments, to: self.selection, from: shard)
        }
        let arguments = arguments.detached()
        site.onShard(nearest: self.namespace, selection.excluding) { [namespace, selection] shard in
            namespace.publish(event, arguments, to: selection, from: shard)
        }
    }

    /// Sends an event to all, and waits for the answer of each: the first argument of their acknowledgements, in the order of
    /// their arrival. Nobody there: an empty list at once.
    /// - Throws: ``BroadcastTimeout`` with the answers that came in time; ``AcknowledgementError/timeoutMissing``.
    public func emitWithAck(_ event: String, _ arguments: any SocketValueConvertible...) async throws -> [SocketValue] {
        try await self.emitWithAck(event, arguments: SocketArguments(arguments.map(\.socketValue)))
    }

    public func emitWithAck(_ event: String, arguments: SocketArguments) async throws -> [SocketValue] {
        guard let timeout else { throw AcknowledgementError.timeoutMissing }
        guard self.namespace.mayEmit(event) else { throw AcknowledgementError.reservedEvent }
        guard let site = self.namespace.server.site else { return [] }
        let arguments = arguments.detached()
        return try await withCheckedThrowingContinuation { continuation in
            let collector = BroadcastCollector(
                id: self.namespace.nextAcknowledgementID(),
                shards: site.hub.shardCount
            ) { continuation.resume(with: $0) }
            site.onShard(nearest: self.namespace, selection.excluding) { [namespace, selection] shard in
                shard.eventLoop.scheduleTask(in: timeout) { collector.timedOut() }
                namespace.publish(event, arguments, to: selection, from: shard, collector: collector)
            }
        }
    }

    // MARK: Sockets

    /// What is known of the selected sockets.
    public func fetchSockets() async throws -> [RemoteSocket] {
        try await self.onEveryShard { sockets in
            sockets.map { socket in
                RemoteSocket(
                    id: socket.id,
                    handshake: socket.handshake,
                    rooms: socket.rooms,
                    data: socket.data,
                    namespace: socket.namespace
                )
            }
        }.flatMap(\.self)
    }

    /// How many sockets are selected.
    package func count() async throws -> Int { try await self.onEveryShard { $0.count }.reduce(0, +) }

    /// Puts the selected sockets into rooms. Done when it returns.
    public func socketsJoin(_ rooms: String...) async throws { try await self.socketsJoin(rooms) }
    public func socketsJoin(_ rooms: [String]) async throws {
        _ = try await self.onEveryShard { for socket in $0 { socket.join(rooms) } }
    }

    /// Takes the selected sockets out of rooms. Done when it returns.
    public func socketsLeave(_ rooms: String...) async throws { try await self.socketsLeave(rooms) }
    public func socketsLeave(_ rooms: [String]) async throws {
        _ = try await self.onEveryShard { for socket in $0 { socket.leave(rooms) } }
    }

    /// Makes the selected sockets leave the namespace.
    /// - Parameter close: Whether their connections are closed.
    public func disconnectSockets(close: Bool = false) async throws {
        _ = try await self.onEveryShard { for socket in $0 { socket.disconnect(close: close) } }
    }

    private func onEveryShard<Value: Sendable>(
        _ body: @escaping @Sendable ([Socket]) -> Value
    ) async throws -> [Value] {
        guard let site = self.namespace.server.site else { return [] }
        return try await site.hub.collect { [namespace, selection] shard in
            body(namespace.sockets(of: selection, on: shard))
        }
    }
}

/// A socket as another place sees it.
public struct RemoteSocket: Sendable {
    public let id: String
    public let handshake: Handshake
    /// Its own included.
    public let rooms: SocketRooms
    public let data: SocketValue
    let namespace: Namespace

    public func emit(_ event: String, _ arguments: any SocketValueConvertible...) {
        self.namespace.to(self.id).emit(event, arguments: SocketArguments(arguments.map(\.socketValue)))
    }

    public func join(_ rooms: String...) async throws { try await self.namespace.to(self.id).socketsJoin(rooms) }
    public func leave(_ rooms: String...) async throws { try await self.namespace.to(self.id).socketsLeave(rooms) }
    public func disconnect(close: Bool = false) async throws {
        try await self.namespace.to(self.id).disconnectSockets(close: close)
    }
}
