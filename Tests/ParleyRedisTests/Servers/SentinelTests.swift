import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite(.timeLimit(.minutes(1))) struct SentinelTests {
    /// A primary, a replica of it, and a sentinel that watches both.
    private struct Group {
        let primary: RedisServer
        let replica: RedisServer
        let sentinel: RedisServer

        var endpoint: String { "redis+sentinel://\(self.sentinel.address)/main" }

        static func start(_ kind: RedisServer.Kind, password: String? = nil) async throws -> Group {
            let secrets = password.map { [["requirepass", $0], ["masterauth", $0]] } ?? []
            let primary = try await RedisServer.start(kind, options: [["repl-diskless-sync-delay", "0"]] + secrets)
            let replica = try await RedisServer.start(
                kind,
                options: [["replicaof", "127.0.0.1", "\(primary.port)"]] + secrets
            )
            await replica.waits(for: " <-> REPLICA sync: Finished")
            let configuration = """
                sentinel monitor main 127.0.0.1 \(primary.port) 1
                sentinel down-after-milliseconds main 500
                sentinel failover-timeout main 5000
                \(password.map { "sentinel auth-pass main \($0)" } ?? "")

                """
            let sentinel = try RedisServer(
                kind,
                port: RedisServer.freePort(),
                [],
                configuration: configuration,
                firstArguments: ["--sentinel"]
            )
            guard try await sentinel.start(until: "+slave slave") else {
                throw RedisServer.Failure(description: "the sentinel does not start")
            }
            return Group(primary: primary, replica: replica, sentinel: sentinel)
        }
    }

    @Test(
        "The primary is asked for and found, with a password that the sentinel does not have",
        arguments: RedisServer.Kind.allCases
    )
    func found(kind: RedisServer.Kind) async throws {
        let group = try await Group.start(kind, password: "pw")
        let endpoint = "redis+sentinel://127.0.0.1:1,\(group.sentinel.address)/main/2"
        try await TestClient(endpoint, secret: "pw") { $0.sentinelTimeout = .seconds(20) }.use { client in
            let identity = try await client.ready()
            #expect(identity.role == .primary)
            try await client.send(RedisCommand("SET", "a", "1"))
            #expect(try group.primary.ask("-a", "pw", "-n", "2", "GET", "a").contains("1"))
        }
    }

    @Test("A name that the sentinel does not know is told with its setting")
    func unknownName() async throws {
        let group = try await Group.start(.redis)
        try await TestClient("redis+sentinel://\(group.sentinel.address)/other") { $0.sentinelTimeout = .seconds(20) }
            .use { client in
                let error = await #expect(throws: RedisError.self) { try await client.ready() }
                #expect(error?.code == .unavailable)
                #expect(
                    error?.description.contains("other") == true
                        && error?.description.contains("REDIS_ENDPOINT") == true
                )
            }
    }

    @Test(
        "A failover is followed, by commands and subscriptions, whether the old primary is dead or well",
        arguments: RedisServer.Kind.allCases,
        [true, false]
    )
    func failover(kind: RedisServer.Kind, isDead: Bool) async throws {
        let group = try await Group.start(kind)
        try await TestClient(group.endpoint) { $0.sentinelInterval = .milliseconds(100) }.use { client in
            try await client.sendAgain(RedisCommand("PING"))
            let happenings = client.listen(to: RedisChannel(.channel, "c"))
            await happenings.wait { $0 == ["heard"] }
            try await client.send(RedisCommand("SET", "a", "before"))
            #expect(try await client.send(RedisCommand("WAIT", "1", "2000")).integer == 1)
            if isDead {
                await group.primary.crash()
            } else {
                // It refuses until it knows the replica well.
                while try !group.sentinel.ask("SENTINEL", "FAILOVER", "main").contains("OK") {}
            }
            await happenings.wait { $0.last == "heard after a gap" }
            let port = "\(group.replica.port)"
            while try await client.sendAgain(RedisCommand("CONFIG", "GET", "port")).pairs?.first?.value.text != port {}
            #expect(try await client.sendAgain(RedisCommand("GET", "a")).text == "before")
            try await client.sendAgain(RedisCommand("SET", "a", "after"))
            while try await client.sendAgain(.publish(ByteBuffer(string: "c"), ByteBuffer(string: "m"))).integer == 0 {}
            await happenings.wait { $0.last == "m" }
        }
    }
}
