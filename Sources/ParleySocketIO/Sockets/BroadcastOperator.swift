public import NIOCore
internal import ParleyHub
internal import ParleyModel
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
        self.selection = Selection(excluding: socket?.client, excludedID: socket?.id)
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
        guard self.namespace.mayEmit(event), let site = self.namespace.registry.site else { return }
        // On an event loop it happens here and now, and needs no copy.
        if let shard = site.hub.presentShard {
            return self.namespace.publish(event, arguments, to: self.selection, from: shard)
        }
        site.hub.post(self.speech(event, arguments), for: site.part, to: self.start(site))
    }

    private func speech(
        _ event: String,
        _ arguments: SocketArguments,
        _ request: AcknowledgementRequest? = nil
    ) -> NodeCommand {
        .speak(
            Speech(
                namespace: self.namespace.name,
                event: event,
                arguments: arguments.detached(),
                selection: self.selection,
                request: request
            )
        )
    }

    /// The shard from which a thread without one speaks: that of the socket that speaks, or always the same one, so that what is
    /// said keeps its order.
    private func start(_ site: SocketIOSite) -> Int {
        self.selection.excluding.map { Int($0.connection.shard) } ?? site.hub.home(of: self.namespace.logKey)
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
        guard let site = self.namespace.registry.site else { return [] }
        let start = self.start(site)
        let (namespace, id) = (self.namespace.name, self.namespace.nextAcknowledgementID())
        return try await withCheckedThrowingContinuation { continuation in
            let number = site.questions.open(shards: site.hub.shardCount) { outcome in
                for shard in 0..<site.hub.shardCount {
                    site.hub.post(
                        NodeCommand.settled(acknowledgement: id, namespace: namespace),
                        for: site.part,
                        to: shard
                    )
                }
                switch outcome {
                case .complete(let answers): continuation.resume(returning: answers.responses)
                case .timedOut(let answers):
                    continuation.resume(throwing: BroadcastTimeout(responses: answers.responses))
                }
            }
            let request = AcknowledgementRequest(number: number, asker: start, namespace: namespace, id: id)
            site.hub.eventLoop(of: start).scheduleTask(in: timeout) { site.questions.timeOut(number) }
            site.hub.tell(self.speech(event, arguments, request), for: site.part, to: start)
        }
    }

    // MARK: Sockets

    /// What is known of the selected sockets.
    public func fetchSockets() async throws -> [RemoteSocket] {
        try await self.ask(.sockets)?.sockets.map { RemoteSocket($0, in: self.namespace) } ?? []
    }

    /// How many sockets are selected.
    package func count() async throws -> Int { try await self.ask(.count)?.count ?? 0 }

    /// Puts the selected sockets into rooms. Done when it returns.
    public func socketsJoin(_ rooms: String...) async throws { try await self.socketsJoin(rooms) }
    public func socketsJoin(_ rooms: [String]) async throws { _ = try await self.ask(.change(.join(rooms))) }

    /// Takes the selected sockets out of rooms. Done when it returns.
    public func socketsLeave(_ rooms: String...) async throws { try await self.socketsLeave(rooms) }
    public func socketsLeave(_ rooms: [String]) async throws { _ = try await self.ask(.change(.leave(rooms))) }

    /// Makes the selected sockets leave the namespace.
    /// - Parameter close: Whether their connections are closed.
    public func disconnectSockets(close: Bool = false) async throws {
        _ = try await self.ask(.change(.disconnect(closes: close)))
    }

    /// Asks every shard, behind everything that was said from here before.
    /// - Returns: `nil`: the server is nowhere yet, and has no sockets.
    /// - Throws: When the event loops have stopped, and nobody would answer.
    private func ask(_ subject: Question.Subject) async throws -> Gathering? {
        guard let site = self.namespace.registry.site else { return nil }
        // Where there is a log it has to come behind what that does.
        let start = self.namespace.hasLog ? site.hub.home(of: self.namespace.logKey) : self.start(site)
        try await site.hub.eventLoop(of: start).submit {}.get()
        return await withCheckedContinuation { continuation in
            let number = site.questions.open(shards: site.hub.shardCount) { outcome in
                switch outcome {
                case .complete(let answers), .timedOut(let answers): continuation.resume(returning: answers)
                }
            }
            let question = Question(
                number: number,
                asker: start,
                namespace: self.namespace.name,
                selection: self.selection,
                subject: subject
            )
            site.hub.tell(NodeCommand.askAll(question), for: site.part, to: start)
        }
    }
}

/// Thrown when not everybody has answered in time.
public struct BroadcastTimeout: Error, Sendable, CustomStringConvertible {
    /// The answers that came.
    public let responses: [SocketValue]
    public let description = "operation has timed out"
}

/// A socket as another place sees it.
public struct RemoteSocket: Sendable {
    public let id: String
    public let handshake: Handshake
    /// Its own included.
    public let rooms: SocketRooms
    public let data: SocketValue
    let namespace: Namespace

    init(_ socket: SocketDescription, in namespace: Namespace) {
        self.id = socket.id
        self.handshake = socket.handshake
        self.rooms = socket.rooms
        self.data = socket.data
        self.namespace = namespace
    }

    public func emit(_ event: String, _ arguments: any SocketValueConvertible...) {
        self.namespace.to(self.id).emit(event, arguments: SocketArguments(arguments.map(\.socketValue)))
    }

    public func join(_ rooms: String...) async throws { try await self.namespace.to(self.id).socketsJoin(rooms) }
    public func leave(_ rooms: String...) async throws { try await self.namespace.to(self.id).socketsLeave(rooms) }
    public func disconnect(close: Bool = false) async throws {
        try await self.namespace.to(self.id).disconnectSockets(close: close)
    }
}
