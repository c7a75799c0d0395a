import NIOCore
import ParleyModel

@testable import ParleyHub

/// A client without a socket: it does what a test says, and writes down what happens to it.
final class ScriptedConnection {
    let shard: Shard
    private(set) var connection: Connection
    private let notebook: Notebook

    init(_ shard: Shard, dialect: DialectName, format: FormatID, policy: SlowConsumerPolicy = SlowConsumerPolicy()) {
        let notebook = Notebook()
        self.shard = shard
        self.notebook = notebook
        self.connection = shard.open(dialect: dialect, format: format, policy: policy, delegate: notebook)
        notebook.owner = self
    }

    var id: ConnectionID { self.connection.id }

    // MARK: What happened

    /// All lines received.
    var lines: [String] { self.notebook.lines }
    /// What each write carried.
    var writes: [Notebook.Write] { self.notebook.writes }
    var joins: [Notebook.Join] { self.notebook.joins }
    /// How many publications have been completed.
    var completions: Int { self.notebook.completions }
    /// How many times the hub found the transport broken.
    var failures: Int { self.notebook.failures }
    var expulsions: [CloseReason] { self.notebook.expulsions }
    var wakes: [NIODeadline] { self.notebook.wakes }

    /// The lines received since this was asked last.
    func newLines() -> [String] {
        defer { self.notebook.seen = self.lines.count }
        return Array(self.lines[self.notebook.seen...])
    }

    // MARK: What it does when something happens

    func onWrite(_ body: @escaping (ScriptedConnection) -> Void) { self.notebook.onWrite = body }
    func onJoin(_ body: @escaping (ScriptedConnection, JoinOutcome) -> Void) { self.notebook.onJoin = body }
    func onCompletion(_ body: @escaping (ScriptedConnection) -> Void) { self.notebook.onCompletion = body }
    func onExpulsion(_ body: @escaping (ScriptedConnection) -> Void) { self.notebook.onExpulsion = body }
    func onWake(_ body: @escaping (ScriptedConnection, NIODeadline) -> Void) { self.notebook.onWake = body }

    // MARK: What it is told to do

    func key(_ topic: String) -> TopicKey {
        self.shard.configuration.key(TopicName(topic), for: self.connection.dialect)
    }

    func join(
        _ topic: String,
        as name: String,
        id: String? = nil,
        uniqueness: JoinRequest.Uniqueness = .any,
        maximum: Int? = nil
    ) {
        self.shard.join(
            self.connection,
            JoinRequest(
                topic: TopicName(topic),
                memberID: id ?? name,
                memberName: name,
                uniqueness: uniqueness,
                maximumMembers: maximum
            )
        )
    }

    func leave(_ topic: String) { self.shard.leave(self.connection, self.key(topic)) }

    func say(_ text: String, in topic: String, includingSender: Bool = true, wantsCompletion: Bool = false) {
        self.shard.publish(
            .text(ByteBuffer(string: text)),
            from: self.connection,
            to: self.key(topic),
            includingSender: includingSender,
            wantsCompletion: wantsCompletion
        )
    }

    func reply(_ line: String) { self.shard.send(to: self.connection) { $0.writeString(line + "\n") } }
    func close() { self.shard.close(self.connection) }
}

/// What a delegate was told.
final class Notebook: ConnectionDelegate {
    struct Write: Equatable {
        var lines: [String]
        var chunks: Int
        var messages: Int
    }

    struct Join: Equatable {
        var topic: String
        var outcome: JoinOutcome
    }

    weak var owner: ScriptedConnection?
    var lines: [String] = []
    var seen = 0
    var writes: [Write] = []
    var joins: [Join] = []
    var completions = 0
    var failures = 0
    var expulsions: [CloseReason] = []
    var wakes: [NIODeadline] = []
    var onWrite: ((ScriptedConnection) -> Void)?
    var onJoin: ((ScriptedConnection, JoinOutcome) -> Void)?
    var onCompletion: ((ScriptedConnection) -> Void)?
    var onExpulsion: ((ScriptedConnection) -> Void)?
    var onWake: ((ScriptedConnection, NIODeadline) -> Void)?

    func write(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, messages: Int, skipping written: Int) {
        let bytes = chunks.flatMap { Array($0) }.dropFirst(written)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .dropLast()
        self.lines += lines.map(String.init)
        self.writes.append(Write(lines: lines.map(String.init), chunks: chunks.count, messages: messages))
        if let owner { self.onWrite?(owner) }
    }

    func writeFailed() { self.failures += 1 }

    func joinCompleted(_ topic: TopicKey, _ outcome: JoinOutcome) {
        self.joins.append(Join(topic: topic.name.value, outcome: outcome))
        if let owner { self.onJoin?(owner, outcome) }
    }

    func publishCompleted(_ topic: TopicKey) {
        self.completions += 1
        if let owner { self.onCompletion?(owner) }
    }

    func expelled(_ reason: CloseReason) {
        self.expulsions.append(reason)
        if let owner { self.onExpulsion?(owner) }
    }

    func shutDown() {}

    func wake(now: NIODeadline) {
        self.wakes.append(now)
        if let owner { self.onWake?(owner, now) }
    }
}
