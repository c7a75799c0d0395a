internal import NIOCore
internal import ParleyHub
internal import ParleyModel

/// Where the sockets of a server live: its hub and formats, and what is kept on each shard. One object, as every client has it.
final class SocketIOSite: Sendable {
    let hub: Hub
    let formats: SocketIOFormats
    /// What the server's ``NodeCommand``s are addressed to.
    let part: HubPartID
    let questions = OpenQuestions()
    let incarnation: NodeIncarnation
    private let states: [NIOLoopBoundBox<ShardState>]

    init(_ site: Site) {
        let hub = site.hub
        self.hub = hub
        self.formats = site.formats
        self.part = hub.reservePart()
        self.incarnation = hub.configuration.incarnation
        self.states = (0..<hub.shardCount).map {
            .makeBoxSendingValue(ShardState(), eventLoop: hub.eventLoop(of: $0))
        }
    }

    /// On that shard's loop.
    func state(on shard: Shard) -> ShardState { self.states[shard.index].value }

    /// The socket that a connection has in a namespace.
    func socket(on connection: Connection, in wireName: String) -> Socket? {
        let user = (connection.delegate as? any EngineConnectionHolder)?.engineConnection?.user
        return (user as? any SocketOwner)?.socket(in: wireName)
    }

    /// Calls `body` when this shard hears the log of a namespace: at once, or when its home has answered.
    func whenListening(to namespace: Namespace, on shard: Shard, _ body: @escaping () -> Void) {
        let presence = self.state(on: shard).presence(of: namespace)
        switch presence.log {
        case .heard: body()
        case .asked: presence.waiting.append(body)
        case .none:
            presence.log = .asked
            presence.waiting.append(body)
            shard.listen(to: namespace.logKey, for: self.part)
        }
    }
}

/// What one shard knows of a server's namespaces. Confined to its loop.
final class ShardState {
    final class Presence {
        enum Log {
            case none
            case asked
            /// Up to where it has been heard.
            case heard(StreamPosition)
        }

        /// The one of that name that there is at present.
        fileprivate(set) var namespace: Namespace
        var sockets: [ExactString: Socket] = [:]
        /// Broadcasts that sockets of this shard may acknowledge, by what they name in their acknowledgements.
        var awaited: [UInt64: AcknowledgementRequest] = [:]
        var log = Log.none
        /// What is done when the log is heard.
        var waiting: [() -> Void] = []

        fileprivate init(_ namespace: Namespace) {
            self.namespace = namespace
        }

        var heard: StreamPosition? {
            if case .heard(let position) = self.log { return position }
            return nil
        }

        /// Whether nothing is lost with it.
        var isIdle: Bool { self.sockets.isEmpty && self.waiting.isEmpty }
    }

    private var presences: [ExactString: Presence] = [:]
    /// Those with a log, by its topic.
    private var logs: [TopicKey: Presence] = [:]
    /// Sockets that may come back, of namespaces whose log has its home on this shard.
    var absentSockets: [ExactString: AbsentSockets] = [:]

    /// What there is of a namespace here; `nil`: nothing.
    func presence(named name: String) -> Presence? { self.presences[ExactString(name)] }
    func presence(ofLog key: TopicKey) -> Presence? { self.logs[key] }

    func presence(of namespace: Namespace) -> Presence {
        if let presence = self.presences[ExactString(namespace.name)] {
            presence.namespace = namespace
            return presence
        }
        let presence = Presence(namespace)
        self.presences[ExactString(namespace.name)] = presence
        if namespace.hasLog { self.logs[namespace.logKey] = presence }
        return presence
    }

    /// - Returns: The topic that need not be listened to any more.
    func forget(_ name: String) -> TopicKey? {
        guard let presence = self.presences[ExactString(name)], presence.isIdle else { return nil }
        self.presences[ExactString(name)] = nil
        guard presence.namespace.hasLog else { return nil }
        self.logs[presence.namespace.logKey] = nil
        return presence.heard == nil ? nil : presence.namespace.logKey
    }

    var socketCount: Int { self.presences.values.reduce(0) { $0 + $1.sockets.count } }
}
