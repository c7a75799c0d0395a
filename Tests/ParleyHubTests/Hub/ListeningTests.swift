import NIOCore
import ParleyModel
import Synchronization
import Testing

@testable import ParleyHub

/// Tests of `HubPart.swift` and `Shard+Listening.swift`.
@Suite("Parts above the hub")
struct ListeningTests {
    private struct Line: ShardCommand {
        let text: String
        var byteCount: Int { self.text.utf8.count }
    }

    /// Writes down what each shard is told.
    private final class Notes: HubPart {
        private let lines = Mutex<[Int: [String]]>([:])

        private func note(_ line: String, _ shard: Shard) {
            self.lines.withLock { $0[shard.index, default: []].append(line) }
        }

        func receive(_ command: any ShardCommand, on shard: Shard) {
            if let line = command as? Line { self.note(line.text, shard) }
        }

        func listens(to topic: TopicKey, from position: StreamPosition?, on shard: Shard) {
            self.note("from \(position.map { "\($0.offset)" } ?? "-")", shard)
        }

        func heard(_ publication: Publication, in topic: TopicKey, epoch: UInt64, on shard: Shard) {
            guard case .text(let text) = publication.payload else { return }
            self.note("\(publication.offset) \(String(buffer: text))", shard)
        }

        func of(_ shard: Int) -> [String] { self.lines.withLock { $0[shard] ?? [] } }
    }

    private static let space = SpaceID(rawValue: 90)
    private static let key = TopicKey(space: Self.space, name: TopicName("log"))

    private static func makeNode(_ policy: SpacePolicy = SpacePolicy(history: HistoryPolicy(limit: 2))) -> TestHub {
        TestHub(shards: 3) { $0.policies[Self.space] = policy }
    }

    private static func say(_ text: String, from shard: Shard) {
        shard.publish(.text(ByteBuffer(string: text)), from: Sender(id: "", name: ""), to: Self.key)
    }

    @Test("What one shard tells another comes in its order, whoever it is for, and here at once")
    func order() {
        let node = Self.makeNode()
        let (one, other) = (Notes(), Notes())
        let (first, second) = (node.install(one), node.install(other))
        // Before the mail that has installed it has been read.
        node.shard(0).send(Line(text: "early"), for: second, to: 0)
        #expect(other.of(0) == ["early"])
        for number in 0..<3 {
            node.shard(0).send(Line(text: "\(number)"), for: first, to: 1)
            node.shard(0).sendToAll(Line(text: "all \(number)"), for: first)
        }
        #expect(one.of(0) == ["all 0", "all 1", "all 2"])
        #expect(one.of(1) == [])
        node.settle()
        #expect(one.of(1) == ["0", "all 0", "1", "all 1", "2", "all 2"])
        node.hub.post(Line(text: "from outside"), for: first, to: 2)
        node.settle()
        #expect(one.of(2) == ["all 0", "all 1", "all 2", "from outside"])
        #expect(other.of(1) == [])
    }

    @Test(
        "A listener hears everything from the position on that it is told, and what comes before is asked for at the home"
    )
    func listening() throws {
        let node = Self.makeNode()
        let notes = Notes()
        let part = node.install(notes)
        node.settle()
        Self.say("in vain", from: node.shard(0))
        for shard in 0...1 { node.shard(shard).listen(to: Self.key, for: part) }
        node.settle()
        for text in ["a", "b", "c"] { Self.say(text, from: node.shard(2)) }
        node.settle()
        node.shard(2).listen(to: Self.key, for: part)
        node.settle()
        Self.say("d", from: node.shard(0))
        node.settle()
        #expect(notes.of(0) == ["from 0", "1 a", "2 b", "3 c", "4 d"])
        #expect(notes.of(1) == notes.of(0))
        #expect(notes.of(2) == ["from 3", "4 d"])
        let home = node.shard(node.shard(0).home(of: Self.key))
        let position = try #require(home.position(of: Self.key))
        func missed(_ offset: UInt64) -> [UInt64]? {
            home.publications(in: Self.key, after: StreamPosition(epoch: position.epoch, offset: offset))?.map(\.offset)
        }
        #expect(position.offset == 4)
        #expect(missed(1) == nil)
        #expect(missed(2) == [3, 4])
    }

    @Test("A topic is kept while somebody listens, and goes with the last when nothing is retained")
    func life() {
        let node = Self.makeNode(SpacePolicy(history: HistoryPolicy(limit: 2)))
        let part = node.install(Notes())
        for shard in 0...1 { node.shard(shard).listen(to: Self.key, for: part) }
        node.settle()
        Self.say("a", from: node.shard(2))
        node.settle()
        #expect(node.metrics.topics == 1)
        node.shard(0).stopListening(to: Self.key, for: part)
        node.settle()
        #expect(node.metrics.topics == 1)
        node.shard(1).stopListening(to: Self.key, for: part)
        node.shard(1).stopListening(to: Self.key, for: part)
        node.settle()
        #expect(node.metrics.topics == 0)
        #expect(node.metrics.historyBytes == 0)
    }
}
