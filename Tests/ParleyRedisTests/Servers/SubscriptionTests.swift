import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite(.timeLimit(.minutes(1))) struct SubscriptionTests {
    private static let kinds: [RedisChannel.Kind] = [.channel, .pattern, .shard]

    @Test(
        "Messages are heard from the confirmation on, whichever kind of channel it is",
        arguments: RedisServer.Kind.allCases,
        [RESPVersion.two, .three]
    )
    func kinds(kind: RedisServer.Kind, version: RESPVersion) async throws {
        let server = try await RedisServer.start(kind)
        try await TestClient("\(server.address)") { $0.protocolVersion = version }.use { client in
            let plain = client.listen(to: RedisChannel(.channel, "news"))
            let pattern = client.listen(to: RedisChannel(.pattern, "new?"))
            let shard = client.listen(to: RedisChannel(.shard, "news"))
            for happenings in [plain, pattern, shard] { #expect(await happenings.wait { !$0.isEmpty } == ["heard"]) }
            let message = ByteBuffer(string: "a\r\nb")
            #expect(try await client.send(.publish(ByteBuffer(string: "news"), message)).integer == 2)
            #expect(try await client.send(.publishSharded(ByteBuffer(string: "news"), message)).integer == 1)
            for happenings in [plain, pattern, shard] {
                #expect(await happenings.wait { $0.count == 2 } == ["heard", "a\r\nb"])
            }
            client.unsubscribe(from: RedisChannel(.channel, "news"))
            while try await client.send(RedisCommand("PUBSUB", "NUMSUB", "news")).elements?.last?.integer != 0 {}
            try await client.send(.publish(ByteBuffer(string: "news"), message))
            #expect(await pattern.wait { $0.count == 3 }.count == 3)
            #expect(plain.all.count == 2)
        }
    }

    @Test(
        "A subscription outlives its connection and tells its gap",
        arguments: RedisServer.Kind.allCases,
        [RESPVersion.two, .three]
    )
    func reconnect(kind: RedisServer.Kind, version: RESPVersion) async throws {
        let server = try await RedisServer.start(kind)
        try await TestClient("\(server.address)") { $0.protocolVersion = version }.use { client in
            let happenings = Self.kinds.map { client.listen(to: RedisChannel($0, "c")) }
            for one in happenings { await one.wait { $0 == ["heard"] } }
            try server.ask("CLIENT", "KILL", "TYPE", "pubsub")
            for one in happenings { await one.wait { $0 == ["heard", "interrupted", "heard after a gap"] } }
            try await client.send(.publish(ByteBuffer(string: "c"), ByteBuffer(string: "m")))
            try await client.send(.publishSharded(ByteBuffer(string: "c"), ByteBuffer(string: "m")))
            for one in happenings { await one.wait { $0.last == "m" } }
            #expect(await client.statistics().gaps == 3)
        }
    }

    @Test("A server that says nothing is found out by a subscriber, too", arguments: RedisServer.Kind.allCases)
    func paused(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind)
        try await TestClient("\(server.address)") {
            $0.pingInterval = .milliseconds(100)
            $0.commandTimeout = .milliseconds(200)
            $0.connectTimeout = .milliseconds(200)
        }.use { client in
            let happenings = client.listen(to: RedisChannel(.channel, "c"))
            await happenings.wait { $0 == ["heard"] }
            server.pause()
            await happenings.wait { $0 == ["heard", "interrupted"] }
            server.resume()
            await happenings.wait { $0 == ["heard", "interrupted", "heard after a gap"] }
        }
    }

    @Test("A thousand channels are subscribed to at once, and left", arguments: RedisServer.Kind.allCases)
    func many(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind)
        try await TestClient("\(server.address)").use { client in
            let heard = Happenings<Int>()
            client.eventLoop.execute {
                for number in 0..<1200 {
                    client.subscribe(to: RedisChannel(.channel, "c\(number)")) { event in
                        if case .subscribed = event { heard.append(number) }
                    }
                }
            }
            #expect(Set(await heard.wait { $0.count == 1200 }).count == 1200)
            let calls = try await client.send(RedisCommand("INFO", "commandstats")).text ?? ""
            #expect(calls.contains("cmdstat_subscribe:calls=3,"))
            client.eventLoop.execute {
                for number in 0..<1200 { client.unsubscribe(from: RedisChannel(.channel, "c\(number)")) }
            }
            while try await client.send(RedisCommand("PUBSUB", "CHANNELS")).elements?.isEmpty == false {}
        }
    }

    @Test("A subscriber that is closed for its slowness subscribes again", arguments: RedisServer.Kind.allCases)
    func slow(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind, ["client-output-buffer-limit", "pubsub", "1mb", "0", "0"])
        try await TestClient("\(server.address)").use { client in
            let happenings = Happenings<String>()
            client.subscribe(to: RedisChannel(.channel, "c")) { event in
                if case .message = event { return }
                happenings.append(event.words)
            }
            await happenings.wait { $0 == ["heard"] }
            // More in one go than it may be behind.
            let script = "for i = 1, 5000 do redis.call('PUBLISH', 'c', string.rep('x', 1000)) end"
            try await client.send(RedisCommand("EVAL", script, "0"))
            await happenings.wait { $0.last == "heard after a gap" }
        }
    }
}
