import NIOCore
import ParleyModel
import Synchronization

@testable import ParleyHub

/// One topic with its members and nothing else: decided at home, or by the log of a broker that some nodes share and that takes its
/// time.
///
/// What is on its way lies in queues, and moves when a test says so.
final class TopicRig {
    enum Kind: CustomStringConvertible {
        case home
        /// - Parameter seed: Of the order in which things arrive.
        case broker(nodes: Int, seed: UInt64)

        var description: String {
            switch self {
            case .home: "home"
            case .broker(let nodes, let seed): "broker with \(nodes) nodes, seed \(seed)"
            }
        }
    }

    /// One connection, and what it was told.
    final class Client {
        let id: ClientID
        let node: Int
        var lines: [String] = []
        var isSubscriber = false
        /// Whether it was closed; it hears nothing any more.
        var isClosed = false

        init(id: ClientID, node: Int) {
            self.id = id
            self.node = node
        }
    }

    /// What a node's way to the broker carries. Each list keeps its order, as a connection does.
    final class Node {
        let incarnation: NodeIncarnation
        var machine: TopicMachine
        let broker: (any Broker)?
        var isConnected = true
        var isSubscribed = false
        /// Grows when the connection is lost: what comes for an old one is not heard.
        var connection = 0
        var requests: CircularBuffer<() -> Void> = []
        var answers: CircularBuffer<() -> Void> = []
        var pushes: CircularBuffer<TopicRecord> = []

        init(incarnation: NodeIncarnation, machine: TopicMachine, broker: (any Broker)?) {
            self.incarnation = incarnation
            self.machine = machine
            self.broker = broker
        }
    }

    static let key = TopicKey(space: SpaceID(rawValue: 3), name: "r")
    static let format = FormatID(index: 0)
    let policy: HistoryPolicy
    let kind: Kind
    let memory: MemoryBroker?
    private(set) var nodes: [Node] = []
    private(set) var clients: [Client] = []
    private var random: SeededGenerator
    /// What the log has written, for a look at it.
    private(set) var written: [TopicRecord] = []

    init(_ kind: Kind, policy: HistoryPolicy = HistoryPolicy()) {
        self.policy = policy
        self.kind = kind
        switch kind {
        case .home:
            self.random = SeededGenerator(seed: 0)
            self.memory = nil
            self.nodes = [
                Node(incarnation: .lone, machine: TopicMachine(epoch: 1, policy: policy), broker: nil)
            ]
        case .broker(let count, let seed):
            self.random = SeededGenerator(seed: seed)
            let memory = MemoryBroker(epoch: 100) { _ in policy }
            self.memory = memory
            for number in 0..<count {
                let incarnation = NodeIncarnation(node: NodeID(rawValue: UInt32(number + 1)))
                self.nodes.append(
                    Node(
                        incarnation: incarnation,
                        machine: TopicMachine(epoch: 1, policy: policy, ordering: .broker(incarnation)),
                        broker: memory.connect(as: incarnation)
                    )
                )
            }
        }
    }

    // MARK: What clients do

    func connect(node: Int = 0) -> Client {
        let node = node % self.nodes.count
        let connection = ConnectionID(shard: 0, slot: UInt32(self.clients.count), generation: 0)
        let client = Client(
            id: ClientID(incarnation: self.nodes[node].incarnation, connection: connection),
            node: node
        )
        self.clients.append(client)
        return client
    }

    func join(
        _ client: Client,
        as name: String,
        uniqueness: JoinRequest.Uniqueness = .any,
        maximum: Int? = nil
    ) {
        let member = Member(client: client.id, id: name, name: name, dialect: .relay)
        let join = TopicJoin(member: member, uniqueness: uniqueness, maximumMembers: maximum)
        self.tell(client.node, .join(join, Self.format))
    }

    func leave(_ client: Client) { self.tell(client.node, .leave(client.id)) }

    func close(_ client: Client) {
        client.isClosed = true
        self.leave(client)
    }

    func say(_ text: String, by client: Client, includingSender: Bool = true, wantsCompletion: Bool = false) {
        self.tell(
            client.node,
            .publish(
                TopicPublish(
                    origin: .member(client.id),
                    payload: .text(ByteBuffer(string: text)),
                    excluding: includingSender ? nil : client.id,
                    wantsCompletion: wantsCompletion
                )
            )
        )
    }

    func sayFromOutside(_ text: String, node: Int = 0) {
        let sender = Sender(id: "outside", name: "outside")
        self.tell(
            node % self.nodes.count,
            .publish(TopicPublish(origin: .outside(sender), payload: .text(ByteBuffer(string: text))))
        )
    }

    // MARK: What the network does

    /// Moves one thing that is on its way; which of them is chance.
    /// - Returns: False when nothing is.
    @discardableResult
    func step() -> Bool {
        var ways: [() -> Void] = []
        for (index, node) in self.nodes.enumerated() {
            if let next = node.requests.first {
                ways.append {
                    node.requests.removeFirst()
                    next()
                }
            }
            if let next = node.answers.first {
                ways.append {
                    node.answers.removeFirst()
                    next()
                }
            }
            if let next = node.pushes.first {
                ways.append {
                    node.pushes.removeFirst()
                    self.tell(index, .accepted(next))
                }
            }
        }
        guard let way = ways.randomElement(using: &self.random) else { return false }
        way()
        return true
    }

    /// Until nothing is on its way, and no node lacks anything that it could know.
    func settle() {
        for _ in 0..<5 {
            while self.step() {}
            for index in self.nodes.indices where self.nodes[index].isSubscribed && self.nodes[index].isConnected {
                self.compareTail(index)
            }
            while self.step() {}
        }
    }

    func compareTail(_ index: Int) {
        let asked = self.nodes[index].machine.position
        self.ask(index) { broker in
            let tail = Self.answer { broker.tail(of: Self.key, answer: $0) }
            return { self.tell(index, .tail(tail, asked: asked)) }
        }
    }

    /// The connection of a node is lost: requests may arrive or not, answers and records do not.
    func cut(_ index: Int) {
        let node = self.nodes[index]
        guard node.isConnected else { return }
        node.isConnected = false
        node.connection += 1
        while let request = node.requests.popFirst() {
            if Bool.random(using: &self.random) { request() }
        }
        node.answers.removeAll()
        node.pushes.removeAll()
        node.broker?.unsubscribe(from: Self.key)
        node.isSubscribed = false
        self.tell(index, .brokerLost)
    }

    func heal(_ index: Int) {
        let node = self.nodes[index]
        guard !node.isConnected else { return }
        node.isConnected = true
        if node.machine.broker?.isSynced == true { self.subscribe(index) }
        self.tell(index, .brokerBack)
    }

    /// One record on its way to a node gets lost, as does the first in a full buffer.
    func loseRecord(of index: Int) {
        _ = self.nodes[index].pushes.popFirst()
    }

    func expireHold(_ index: Int) { self.tell(index, .holdExpired) }

    // MARK: The driver of a node

    func tell(_ index: Int, _ command: TopicCommand) {
        let effects = self.nodes[index].machine.receive(command, at: WallTime(milliseconds: 1000))
        for effect in effects { self.perform(effect, index) }
    }

    private func client(_ id: ClientID) -> Client? { self.clients.first { $0.id == id } }

    private func write(_ line: String, to id: ClientID) {
        guard let client = self.client(id), !client.isClosed else { return }
        client.lines.append(line)
    }

    private func perform(_ effect: TopicEffect, _ index: Int) {
        let node = self.nodes[index]
        switch effect {
        case .deliver(let event, let excluding):
            let line = Self.line(event)
            for client in self.clients where client.node == index && client.isSubscriber && client.id != excluding {
                self.write(line, to: client.id)
            }
        case .admit(let member, _):
            self.client(member.client)?.isSubscriber = true
            let said = node.machine.history.all.map(Self.text)
            let names = node.machine.members.all.map(\.id).joined(separator: ",")
            self.write("welcome:\(names)|\(said.joined(separator: ","))", to: member.client)
        case .refuse(let id, let reason):
            self.write("refused:\(reason.label)", to: id)
        case .release(let id, _):
            self.client(id)?.isSubscriber = false
        case .expel(let id, _, let reason):
            self.write("expelled:\(reason.label)", to: id)
            self.client(id)?.isSubscriber = false
            self.client(id)?.isClosed = true
        case .complete(let id):
            self.write("completed", to: id)
        case .refusePublication(let id, _):
            self.write("not said", to: id)
        case .missed(let id, _):
            self.write("missed", to: id)
            self.client(id).map(self.close)
        case .close(let id, let reason):
            self.write("closed:\(reason.label)", to: id)
            self.client(id).map(self.close)
        case .emptied:
            // The topic is forgotten here; who comes next begins anew.
            guard let broker = node.broker else { return }
            broker.unsubscribe(from: Self.key)
            node.isSubscribed = false
            node.machine = TopicMachine(epoch: 1, policy: self.policy, ordering: .broker(node.incarnation))
            if !node.isConnected { _ = node.machine.receive(.brokerLost, at: WallTime(milliseconds: 0)) }
        case .propose(let batch):
            self.ask(index) { broker in
                let decided = Self.answer { broker.append(batch, to: Self.key, answer: $0) }
                return { self.tell(index, .answered(number: batch.number, decided)) }
            }
        case .requestState:
            self.subscribe(index)
            self.ask(index) { broker in
                let state = Self.answer { broker.state(of: Self.key, answer: $0) }
                return { self.tell(index, .state(state)) }
            }
        case .fetch(let position):
            self.ask(index) { broker in
                let records = Self.answer { broker.records(of: Self.key, after: position, answer: $0) }
                return {
                    guard let records else { return self.tell(index, .trimmed) }
                    for record in records { self.tell(index, .accepted(record)) }
                    self.tell(index, .fetched)
                }
            }
        }
    }

    private func subscribe(_ index: Int) {
        let node = self.nodes[index]
        guard !node.isSubscribed, let broker = node.broker else { return }
        node.isSubscribed = true
        let pushes = Pushes(self, index)
        broker.subscribe(to: Self.key, receive: { pushes.receive($0) }, confirm: { _ in })
    }

    /// The tests' broker calls back on the thread that called it.
    private final class Pushes: @unchecked Sendable {
        private unowned let rig: TopicRig
        private let index: Int

        init(_ rig: TopicRig, _ index: Int) {
            self.rig = rig
            self.index = index
        }

        func receive(_ record: TopicRecord) {
            self.rig.nodes[self.index].pushes.append(record)
            if self.rig.written.last?.position != record.position { self.rig.written.append(record) }
        }
    }

    /// Sends a request; its answer comes back on the same connection, or not at all.
    private func ask(_ index: Int, _ request: @escaping (any Broker) -> () -> Void) {
        let node = self.nodes[index]
        guard let broker = node.broker else { return }
        let connection = node.connection
        node.requests.append {
            let answer = request(broker)
            if node.connection == connection { node.answers.append(answer) }
        }
    }

    /// What the tests' broker says, which it does at once.
    private static func answer<Value: Sendable>(
        to question: (@escaping @Sendable (Result<Value, StoreError>) -> Void) -> Void
    ) -> Value {
        let answers = Answers<Value>()
        question { result in answers.values.withLock { $0.append(result) } }
        let values = answers.values.withLock { $0 }
        guard values.count == 1, case .success(let value) = values[0] else {
            preconditionFailure("A broker in memory answers once, at once, and well; got \(values)")
        }
        return value
    }

    private final class Answers<Value: Sendable>: Sendable {
        let values = Mutex<[Result<Value, StoreError>]>([])
    }

    private static func text(_ publication: Publication) -> String {
        guard case .text(let text) = publication.payload else { return "" }
        return String(buffer: text)
    }

    static func line(_ event: TopicEvent) -> String {
        switch event {
        case .joined(let member): "joined:\(member.id)"
        case .left(let member): "left:\(member.id)"
        case .replaced(let old, let new): "replaced:\(old.id):\(new.id)"
        case .published(let publication): "\(publication.sender.id):\(Self.text(publication))"
        }
    }
}
