import NIOCore
import ParleyModel

@testable import ParleyHub

/// A mix of joins, leaves, publications and disconnects, and what a simple model says about it.
///
/// Member ids read `topic/connection.session`, so that each line tells where it belongs, and each join is told from the next.
final class Scenario: CustomStringConvertible {
    static let topics = ["x", "y", "z"]

    /// One client, and the session it asked for in each topic: pending until the hub has answered.
    final class Client {
        let number: Int
        let format: Int
        let shard: Int
        let connection: ScriptedConnection
        var sessions: [String: (id: String, isJoined: Bool)] = [:]

        init(number: Int, format: Int, shard: Int, connection: ScriptedConnection) {
            self.number = number
            self.format = format
            self.shard = shard
            self.connection = connection
        }
    }

    let seed: UInt64
    let node: TestHub
    var random: SeededGenerator
    var clients: [Client] = []
    var gone: [Client] = []
    /// All that was published, by topic, as it reads on the wire; `!` at the end means that the sender is left out.
    var published: [String: [String]] = [:]
    private(set) var operations: [String] = []
    private var numbers = 0

    init(seed: UInt64) {
        self.seed = seed
        self.random = SeededGenerator(seed: seed)
        self.node = TestHub(shards: Int(seed % 4) + 1, formats: [LineFormat("a>"), LineFormat("b>")])
    }

    var description: String { "seed \(self.seed): \(self.operations.joined(separator: ", "))" }

    // MARK: Operations

    func connect() {
        let number = self.next()
        let shard = Int.random(in: 0..<self.node.loops.count, using: &self.random)
        let format = Int.random(in: 0...1, using: &self.random)
        let client = Client(
            number: number,
            format: format,
            shard: shard,
            connection: self.node.connect(shard: shard, format: format)
        )
        client.connection.onJoin { [unowned client] _, _ in
            // Answers come in the order of the joins; those taken back are not answered.
            let topic = client.connection.joins.last?.topic ?? ""
            client.sessions[topic]?.isJoined = true
        }
        self.clients.append(client)
        self.operations.append("connect \(number) to \(shard) as \(format)")
    }

    /// Does one thing at random.
    func step() {
        guard let client = self.clients.randomElement(using: &self.random), self.clients.count > 1 else {
            return self.connect()
        }
        let topic = Self.topics.randomElement(using: &self.random) ?? "x"
        switch Int.random(in: 0..<20, using: &self.random) {
        case 0:
            self.connect()
        case 1:
            self.disconnect(client)
        case 2..<6:
            self.join(client, topic)
        case 6..<8:
            self.leave(client, topic)
        case 8:
            let text = "\(self.next())"
            self.published[topic, default: []].append("\(topic)/outside:\(text)")
            self.operations.append("\(text) from outside to \(topic)")
            let sender = Sender(id: "\(topic)/outside", name: "outside")
            self.node.shard(client.shard).publish(
                .text(ByteBuffer(string: text)),
                from: sender,
                to: client.connection.key(topic)
            )
        case 9..<14:
            self.publish(client, topic)
        default:
            self.run(Int.random(in: 0..<self.node.loops.count, using: &self.random))
        }
    }

    func join(_ client: Client, _ topic: String) {
        guard client.sessions[topic] == nil else { return }
        let id = "\(topic)/\(client.number).\(self.next())"
        self.operations.append("join \(id)")
        client.sessions[topic] = (id, false)
        client.connection.join(topic, as: id)
    }

    private func leave(_ client: Client, _ topic: String) {
        guard let session = client.sessions.removeValue(forKey: topic) else { return }
        self.operations.append("leave \(session.id)")
        client.connection.leave(topic)
    }

    private func publish(_ client: Client, _ topic: String) {
        guard let session = client.sessions[topic], session.isJoined else { return }
        let includesSender = Bool.random(using: &self.random)
        let text = "\(self.next())" + (includesSender ? "" : "!")
        self.published[topic, default: []].append("\(session.id):\(text)")
        self.operations.append("\(text) from \(session.id)")
        client.connection.say(text, in: topic, includingSender: includesSender)
    }

    func disconnect(_ client: Client) {
        self.operations.append("disconnect \(client.number)")
        client.connection.close()
        client.sessions = [:]
        self.clients.removeAll { $0 === client }
        self.gone.append(client)
    }

    private func run(_ loop: Int) {
        self.operations.append("run \(loop)")
        self.node.run(loop)
    }

    private func next() -> Int {
        self.numbers += 1
        return self.numbers
    }

    // MARK: What was heard

    /// What a client heard of a topic, without the mark of its format.
    static func heard(_ client: Client, of topic: String) -> [String] {
        client.connection.lines.map { String($0.dropFirst(2)) }.filter { $0.contains("\(topic)/") }
    }

    /// The same, cut at the client's own joins: one list for each session.
    static func sessions(of client: Client, in topic: String) -> [[String]] {
        var sessions: [[String]] = []
        for line in Self.heard(client, of: topic) {
            if line.hasPrefix("joined:\(topic)/\(client.number).") { sessions.append([]) }
            if sessions.isEmpty { sessions.append([]) }
            sessions[sessions.count - 1].append(line)
        }
        return sessions
    }

    /// What `client` is to hear of a topic from its join on, by what a witness heard: all but its own messages that leave it out.
    static func expected(_ heard: [String], fromJoinOf session: [String]) -> [String]? {
        guard let first = session.first, first.hasPrefix("joined:"), let start = heard.firstIndex(of: first) else {
            return nil
        }
        let own = first.dropFirst("joined:".count)
        return heard[start...].filter { !($0.hasPrefix("\(own):") && $0.hasSuffix("!")) }
    }
}
