import NIOCore
import NIOPosix
import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct HubThreadsTests {
    private static let topics = ["x", "y", "z"]
    private static let membersPerLoop = 2
    private static let publicationsPerMember = 100

    @Test("Publishers on different threads are heard in one and the same order by all", .timeLimit(.minutes(1)))
    func oneOrder() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 4)
        var configuration = HubConfiguration(wallTime: { WallTime(milliseconds: 0) })
        let format = configuration.formats.register(LineFormat(showsPresence: false))
        let loops = Array(group.makeIterator())
        let hub = try await Hub(configuration: configuration, eventLoops: loops)
        let expected = loops.count * Self.membersPerLoop * Self.publicationsPerMember

        var members: [Member] = []
        for (index, loop) in loops.enumerated() {
            for number in 0..<Self.membersPerLoop {
                for topic in Self.topics {
                    members.append(
                        Member(hub, loop, format, topic: topic, name: "\(index)\(number)", expecting: expected)
                    )
                }
            }
        }
        for member in members { try await member.join() }
        for member in members { member.publish(Self.publicationsPerMember) }

        for topic in Self.topics {
            var heard: [[String]] = []
            for member in members where member.topic == topic { heard.append(try await member.heard()) }
            #expect(heard.allSatisfy { $0 == heard[0] })
            #expect(Set(heard[0]).count == expected)
            for member in members where member.topic == topic {
                let own = heard[0].filter { $0.hasPrefix("\(member.name):") }
                #expect(own == (0..<Self.publicationsPerMember).map { "\(member.name):\($0)" })
            }
            #expect(try await hub.members(of: TopicName(topic), for: .relay).count == heard.count)
        }

        for member in members { try await member.close() }
        // Leaves cross to their homes, at most twice: each round trip over all loops lets one crossing through.
        for _ in 0..<3 { _ = try await hub.collect { _ in } }
        let left = try await hub.collect { $0.topics.count + $0.localTopics.count + $0.metrics.subscriptions }
        #expect(left == [0, 0, 0, 0])
        try await group.shutdownGracefully()
    }

    /// A connection on its loop, driven from outside of it.
    private struct Member: Sendable {
        let topic: String
        let name: String
        private let loop: any EventLoop
        private let connection: NIOLoopBoundBox<ScriptedConnection?>
        private let joined: EventLoopPromise<Void>
        private let complete: EventLoopPromise<[String]>
        private let open: @Sendable () -> Void

        init(_ hub: Hub, _ loop: any EventLoop, _ format: FormatID, topic: String, name: String, expecting count: Int) {
            self.topic = topic
            self.name = name
            self.loop = loop
            let joined = loop.makePromise(of: Void.self)
            let complete = loop.makePromise(of: [String].self)
            let connection = NIOLoopBoundBox<ScriptedConnection?>.makeEmptyBox(eventLoop: loop)
            self.joined = joined
            self.complete = complete
            self.connection = connection
            self.open = {
                let client = ScriptedConnection(hub.shard(on: loop), dialect: .relay, format: format)
                client.onJoin { _, _ in joined.succeed() }
                client.onWrite { client in
                    if client.lines.count == count { complete.succeed(client.lines) }
                }
                connection.value = client
                client.join(topic, as: name)
            }
        }

        func join() async throws {
            self.loop.execute(self.open)
            try await self.joined.futureResult.get()
        }

        /// A few in each turn of the loop, so that publishers take turns.
        func publish(_ count: Int, from first: Int = 0) {
            guard first < count else { return }
            self.loop.execute {
                let next = min(count, first + 7)
                for number in first..<next { self.connection.value?.say("\(number)", in: self.topic) }
                self.publish(count, from: next)
            }
        }

        func heard() async throws -> [String] { try await self.complete.futureResult.get() }

        func close() async throws {
            try await self.loop.submit { self.connection.value?.close() }.get()
        }
    }
}
