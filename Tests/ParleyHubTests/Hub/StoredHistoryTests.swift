import NIOCore
import NIOPosix
import ParleyModel
import Synchronization
import Testing

@testable import ParleyHub

@Suite(.timeLimit(.minutes(1))) struct StoredHistoryTests {
    @Test("Nobody hears what the store does not have yet, and all do when it has")
    func order() async throws {
        let node = try await Node()
        let (ann, bob) = (Client(node, loop: 0), Client(node, loop: 1, name: "bob"))
        try await ann.join("den")
        try await bob.join("den")
        node.store.close()
        ann.say("1", in: "den")
        ann.say("2", in: "den")
        for _ in 0..<4 { try await node.turn() }
        #expect(try await ann.said() == [])
        #expect(try await ann.completions() == 0)
        #expect(node.stored("den") == [])

        node.store.open()
        #expect(try await bob.said(2) == ["ann:1", "ann:2"])
        #expect(try await ann.said(2).count == 2)
        #expect(node.stored("den") == ["1", "2"])
        try await node.end()
    }

    @Test("Another process goes on where one has ended, and with offsets behind its own")
    func restart() async throws {
        let store = ScriptedHistoryStore()
        let first = try await Self.node(leaving: 7, in: store)
        let last = store.memory.publications(in: first.key("den")).last?.publication.offset
        let second = try await Node(store)
        let bob = Client(second, loop: 1, name: "bob")
        try await bob.join("den")
        #expect(try await bob.welcome() == "welcome:bob|3,4,5,6,7")
        bob.say("8", in: "den")
        #expect(try await bob.said(1) == ["bob:8"])
        #expect(second.stored("den") == ["4", "5", "6", "7", "8"])
        let offsets = store.memory.publications(in: second.key("den")).map(\.publication.offset)
        #expect(offsets == offsets.sorted() && Set(offsets).count == 5)
        #expect(try #require(offsets.last) > (last ?? 0))
        try await first.end()
        try await second.end()
    }

    @Test("A store that fails is asked again: what was said is heard once, in order", arguments: [1, 4])
    func failing(writes: Int) async throws {
        let node = try await Node()
        let (ann, bob) = (Client(node, loop: 0), Client(node, loop: 1, name: "bob"))
        try await ann.join("den")
        try await bob.join("den")
        node.store.fail(writes: writes)
        for number in 1...5 { ann.say("\(number)", in: "den") }
        #expect(try await bob.said(5) == (1...5).map { "ann:\($0)" })
        #expect(node.stored("den") == ["1", "2", "3", "4", "5"])
        #expect(node.changes == ["began write", "ended write \(writes)"])
        #expect(try await ann.expulsions() == [])
        #expect(try await bob.expulsions() == [])
        try await node.end()
    }

    @Test("A history that cannot be read has joins wait for it")
    func unreadable() async throws {
        let store = ScriptedHistoryStore()
        let first = try await Self.node(leaving: 1, in: store)

        let second = try await Node(store)
        store.fail(reads: 2)
        let bob = Client(second, loop: 1, name: "bob")
        try await bob.join("den")
        #expect(try await bob.welcome() == "welcome:bob|1")
        #expect(second.changes == ["began read", "ended read 2"])
        try await first.end()
        try await second.end()
    }

    @Test("A topic that is forgotten is gone from the store, and begins anew")
    func forgotten() async throws {
        let node = try await Node(retention: .zero)
        let ann = Client(node, loop: 0)
        try await ann.join("den")
        ann.say("1", in: "den")
        _ = try await ann.said(1)
        try await ann.leave("den")
        await node.store.removed()
        #expect(node.stored("den") == [])
        try await ann.join("den")
        #expect(try await ann.welcome() == "welcome:ann|")
        ann.say("2", in: "den")
        _ = try await ann.said(2)
        #expect(node.stored("den") == ["2"])
        try await node.end()
    }

    @Test("Many who come at once while a history is read are all let in")
    func crowd() async throws {
        let store = ScriptedHistoryStore()
        let first = try await Self.node(leaving: 1, in: store)
        let second = try await Node(store)
        let crowd = (0..<2000).map { Client(second, loop: $0 % 2) }
        for client in crowd { client.beginJoin("den") }
        for client in crowd { try await client.joined() }
        #expect(try await second.hub.members(of: TopicName("den"), for: .relay).count == 2000)
        try await first.end()
        try await second.end()
    }

    @Test("Who has waited too long is refused, and the history is there for the next")
    func refused() async throws {
        let store = ScriptedHistoryStore()
        let first = try await Self.node(leaving: 1, in: store)
        let second = try await Node(store) { $0.maximumHold = .zero }
        store.fail(reads: 1)
        let bob = Client(second, loop: 1, name: "bob")
        try await bob.join("den")
        #expect(try await bob.outcomes() == [.refused(.overloaded)])
        await store.read()
        while try await second.topicCount() > 0 {}
        #expect(second.stored("den") == ["1"])
        try await bob.join("den")
        #expect(try await bob.welcome() == "welcome:bob|1")
        try await first.end()
        try await second.end()
    }

    @Test("What waits for the store counts with all that waits")
    func ledger() async throws {
        let ledger = MemoryLedger(maximumBytes: 1 << 20)
        let node = try await Node { $0.memory = ledger }
        let ann = Client(node, loop: 0)
        try await ann.join("den")
        node.store.close()
        let text = String(repeating: "x", count: 1000)
        for _ in 0..<3 { ann.say(text, in: "den") }
        for _ in 0..<4 { try await node.turn() }
        #expect(ledger.bytes(of: .history) == 3000)
        node.store.open()
        #expect(try await ann.said(3).count == 3)
        for _ in 0..<4 { try await node.turn() }
        #expect(ledger.bytes(of: .history) == 0)
        try await node.end()
    }

    /// A process that is going to be killed, as nobody leaves: so much has been said in "den", 1 first.
    private static func node(leaving count: Int, in store: ScriptedHistoryStore) async throws -> Node {
        let node = try await Node(store)
        let ann = Client(node, loop: 0)
        try await ann.join("den")
        for number in 1...count { ann.say("\(number)", in: "den") }
        _ = try await ann.said(count)
        return node
    }
}

/// A hub with two loops and a store.
private final class Node: Sendable {
    let store: ScriptedHistoryStore
    let hub: Hub
    let format: FormatID
    private let noted: Changes
    private let group: MultiThreadedEventLoopGroup

    private final class Changes: Sendable {
        let texts = Mutex<[String]>([])
    }

    init(
        _ store: ScriptedHistoryStore = ScriptedHistoryStore(),
        retention: TimeAmount = .seconds(300),
        configure: (inout HubConfiguration) -> Void = { _ in }
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let noted = Changes()
        var configuration = HubConfiguration(wallTime: { WallTime(milliseconds: 0) })
        self.format = configuration.formats.register(LineFormat(greets: true, showsPresence: false))
        if let space = configuration.spaces[.relay] {
            configuration.policies[space] = SpacePolicy(history: HistoryPolicy(limit: 5), retention: retention)
        }
        configuration.histories = StoredHistories(store) { change in
            let text =
                switch change {
                case .began(let operation, _): "began \(operation)"
                case .ended(let operation, let failures): "ended \(operation) \(failures)"
                }
            noted.texts.withLock { $0.append(text) }
        }
        configure(&configuration)
        self.store = store
        self.group = group
        self.noted = noted
        self.hub = try await Hub(configuration: configuration, eventLoops: Array(group.makeIterator()))
    }

    var changes: [String] { self.noted.texts.withLock { $0 } }

    func key(_ topic: String) -> TopicKey { self.hub.configuration.key(TopicName(topic), for: .relay) }

    func stored(_ topic: String) -> [String] {
        self.store.memory.publications(in: self.key(topic)).map { entry in
            guard case .text(let text) = entry.publication.payload else { return "" }
            return String(buffer: text)
        }
    }

    func topicCount() async throws -> Int { try await self.hub.collect { $0.topics.count }.reduce(0, +) }

    /// Every loop has done what it had to do.
    func turn() async throws { _ = try await self.hub.collect { _ in } }

    func end() async throws { try await self.group.shutdownGracefully() }
}

/// A connection on its loop, driven from outside of it.
private struct Client: Sendable {
    let name: String
    private let node: Node
    private let loop: any EventLoop
    private let connection: NIOLoopBoundBox<ScriptedConnection?>

    init(_ node: Node, loop: Int, name: String = "ann") {
        self.node = node
        self.name = name
        self.loop = node.hub.eventLoop(of: loop)
        self.connection = NIOLoopBoundBox<ScriptedConnection?>.makeEmptyBox(eventLoop: self.loop)
    }

    func beginJoin(_ topic: String) {
        self.loop.execute {
            if self.connection.value == nil {
                self.connection.value = ScriptedConnection(
                    self.node.hub.shard(on: self.loop),
                    dialect: .relay,
                    format: self.node.format
                )
            }
            self.connection.value?.join(topic, as: self.name)
        }
    }

    func join(_ topic: String) async throws {
        let before = try await self.look { $0.joins.count } ?? 0
        self.beginJoin(topic)
        try await self.until { $0.joins.count > before }
    }

    func joined() async throws { try await self.until { !$0.joins.isEmpty } }

    func outcomes() async throws -> [JoinOutcome] { try await self.look { $0.joins.map(\.outcome) } ?? [] }

    /// Why the hub has closed it.
    func expulsions() async throws -> [CloseReason] { try await self.look { $0.expulsions } ?? [] }

    func leave(_ topic: String) async throws {
        try await self.loop.submit { self.connection.value?.leave(topic) }.get()
    }

    func say(_ text: String, in topic: String) {
        self.loop.execute { self.connection.value?.say(text, in: topic, wantsCompletion: true) }
    }

    /// What has been said so far, as soon as it is so much.
    func said(_ count: Int = 0) async throws -> [String] {
        try await self.until { Self.said(in: $0).count >= count }
        return try await self.look { Self.said(in: $0) } ?? []
    }

    func completions() async throws -> Int { try await self.look { $0.completions } ?? 0 }

    /// The latest.
    func welcome() async throws -> String? {
        try await self.until { $0.lines.contains { $0.hasPrefix("welcome:") } }
        return try await self.look { $0.lines.last { $0.hasPrefix("welcome:") } } ?? nil
    }

    private static func said(in connection: ScriptedConnection) -> [String] {
        connection.lines.filter { !$0.hasPrefix("welcome:") }
    }

    private func look<Value: Sendable>(_ body: @escaping @Sendable (ScriptedConnection) -> Value) async throws -> Value?
    {
        try await self.loop.submit { self.connection.value.map(body) }.get()
    }

    /// Looks again whenever something has happened to the connection.
    private func until(_ isTrue: @escaping @Sendable (ScriptedConnection) -> Bool) async throws {
        try await self.loop.flatSubmit {
            let promise = self.loop.makePromise(of: Void.self)
            guard let connection = self.connection.value, !isTrue(connection) else {
                promise.succeed()
                return promise.futureResult
            }
            let look: (ScriptedConnection) -> Void = { if isTrue($0) { promise.succeed() } }
            connection.onWrite(look)
            connection.onJoin { connection, _ in look(connection) }
            connection.onCompletion(look)
            return promise.futureResult
        }.get()
    }
}
