import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct HistoryRetentionTests {
    @Test("A returning member is greeted with what was said, as long as the topic is retained")
    func returning() {
        let node = Self.node(retention: .seconds(10))
        let client = node.connect()
        client.join("r", as: "c")
        for number in 1...5 { client.say("\(number)", in: "r") }
        client.leave("r")
        node.advance(by: .seconds(9))
        #expect(node.metrics.topics == 1)
        _ = client.newLines()
        client.join("r", as: "c")
        node.settle()
        #expect(client.newLines().first == "welcome:c|3,4,5")
        #expect(node.topic("r")?.emptySince == nil)
    }

    @Test("It is forgotten when it has been empty for that long, and not before")
    func forgotten() {
        let node = Self.node(retention: .seconds(10))
        let client = node.connect()
        client.join("r", as: "c")
        client.say("1", in: "r")
        client.leave("r")
        node.advance(by: .milliseconds(9_900))
        #expect(node.metrics.topics == 1)
        node.advance(by: .milliseconds(200))
        #expect(node.metrics.topics == 0)
        #expect(node.leftovers.isEmpty)
        client.join("r", as: "c")
        node.settle()
        #expect(client.newLines().suffix(2).first == "welcome:c|")
    }

    @Test("A visit in between starts the time anew")
    func visit() {
        let node = Self.node(retention: .seconds(10))
        let client = node.connect()
        client.join("r", as: "c")
        client.say("1", in: "r")
        client.leave("r")
        node.advance(by: .seconds(6))
        client.join("r", as: "c")
        client.leave("r")
        node.advance(by: .seconds(6))
        #expect(node.metrics.topics == 1)
        client.join("r", as: "c")
        node.advance(by: .seconds(60))
        #expect(node.metrics.topics == 1)
        client.leave("r")
        node.advance(by: .seconds(11))
        #expect(node.leftovers.isEmpty)
    }

    @Test("A topic in which nothing was said is not retained")
    func nothingSaid() {
        let node = Self.node(retention: .seconds(10))
        let client = node.connect()
        client.join("r", as: "c")
        client.leave("r")
        #expect(node.leftovers.isEmpty)
    }

    @Test("A retained topic counts as live")
    func live() {
        let limit = TopicLimit(maximum: 1)
        let node = Self.node(retention: .seconds(10), limit: limit)
        let client = node.connect()
        client.join("r", as: "c")
        client.say("1", in: "r")
        client.leave("r")
        client.join("s", as: "c")
        #expect(client.joins.last?.outcome == .refused(.topicLimit))
        client.join("r", as: "c")
        #expect(client.joins.last?.outcome == .joined)
        client.leave("r")
        node.advance(by: .seconds(11))
        #expect(limit.liveCount == 0)
    }

    @Test("A full history that refuses lets its topic fall silent, yet completes what was published")
    func refuse() {
        let node = TestHub(formats: [LineFormat(showsPresence: false)]) {
            $0.policies[SpaceID(rawValue: 3)] = SpacePolicy(history: HistoryPolicy(limit: 2, whenFull: .refuse))
        }
        let client = node.connect()
        client.join("r", as: "c")
        for number in 1...4 { client.say("\(number)", in: "r", wantsCompletion: true) }
        node.settle()
        #expect(client.lines == ["c:1", "c:2"])
        #expect(client.completions == 4)
        #expect(node.metrics.publications == 2)
    }

    @Test("Publications keep their place and time in the history")
    func places() {
        let node = Self.node(retention: .zero)
        let client = node.connect()
        client.join("r", as: "c", id: "id")
        for text in ["a", "b", "c", "d"] { client.say(text, in: "r") }
        var publications: [Publication] = []
        node.topic("r")?.forEachPublication { publications.append($0) }
        #expect(publications.map(\.offset) == [3, 4, 5])
        #expect(publications.allSatisfy { $0.time == WallTime(milliseconds: 1_704_110_400_000) })
        #expect(publications.allSatisfy { $0.sender == Sender(id: "id", name: "c") })
    }

    private static func node(retention: TimeAmount, limit: TopicLimit = TopicLimit(maximum: 0)) -> TestHub {
        TestHub(formats: [LineFormat(greets: true)]) {
            $0.policies[SpaceID(rawValue: 3)] = SpacePolicy(
                history: HistoryPolicy(limit: 3),
                retention: retention,
                limit: limit
            )
        }
    }
}
