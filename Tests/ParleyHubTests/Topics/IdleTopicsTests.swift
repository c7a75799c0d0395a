import ParleyModel
import Testing

@testable import ParleyHub

/// Tests of `IdleTopics.swift`.
@Suite struct IdleTopicsTests {
    @Test(
        "Whichever goes, the others keep their order",
        arguments: [[0], [1], [2], [0, 1], [1, 0], [2, 1], [0, 2], [2, 0], [0, 1, 2], [2, 1, 0], [1, 0, 2]]
    )
    func order(removed: [Int]) {
        let topics = (0..<3).map {
            Topic(key: TopicKey(space: SpaceID(rawValue: 0), name: TopicName("\($0)")), epoch: 1)
        }
        var list = IdleTopics()
        for topic in topics { list.append(topic) }
        for index in removed { list.remove(topics[index]) }
        let left = (0..<3).filter { !removed.contains($0) }
        #expect(Self.names(list) == left.map { "\($0)" })
        #expect(list.isEmpty == left.isEmpty)
        for index in removed { list.append(topics[index]) }
        #expect(Self.names(list) == (left + removed).map { "\($0)" })
    }

    private static func names(_ list: IdleTopics) -> [String] {
        var names: [String] = []
        var next = list.first
        while let topic = next {
            names.append(topic.name.value)
            next = topic.nextIdle
        }
        #expect(names.last == list.last?.name.value)
        return names
    }
}
