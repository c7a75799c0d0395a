import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite(.timeLimit(.minutes(1))) struct AuthenticationTests {
    @Test("A password is asked for, wrong or right", arguments: RedisServer.Kind.allCases, [RESPVersion.two, .three])
    func password(kind: RedisServer.Kind, version: RESPVersion) async throws {
        let server = try await RedisServer.start(kind, ["requirepass", "s3cret"])
        func error(_ secret: String?) async throws -> RedisError? {
            try await TestClient("\(server.address)", secret: secret) { $0.protocolVersion = version }.use { client in
                do {
                    try await client.ready()
                    return nil
                } catch let error as RedisError {
                    return error
                }
            }
        }
        let none = try #require(try await error(nil))
        #expect(none.code == .notAuthenticated)
        #expect(none.description.contains("none is set") && none.description.contains("REDIS_SECRET"))
        let wrong = try #require(try await error("wr0ng"))
        #expect(wrong.code == .notAuthenticated)
        #expect(!wrong.description.contains("wr0ng"))
        #expect(try await error("s3cret") == nil)
    }

    @Test(
        "A user of the access control list may do what it may, and is told what it may not",
        arguments: RedisServer.Kind.allCases
    )
    func user(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(
            kind,
            ["user", "ann", "on", ">p%w/", "~parley:*", "&parley:*", "+@all", "-eval", "-evalsha"]
        )
        try await TestClient("redis://ann:p%25w%2F@\(server.address)").use { client in
            try await client.ready()
            #expect(try await client.send(RedisCommand("ACL", "WHOAMI")).text == "ann")
            try await client.send(RedisCommand("SET", "parley:a", "1"))
            let key = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("SET", "b", "1")) }
            #expect(key?.reply?.code == "NOPERM")
            #expect(key?.mayHaveBeenExecuted == false)
            let command = RedisCommand(RedisScript("s", "return 1"), keys: 0, count: 0) { _ in }
            let script = await #expect(throws: RedisError.self) { try await client.send(command) }
            #expect(script?.reply?.code == "NOPERM")
            let refused = client.listen(to: RedisChannel(.channel, "other"))
            let heard = client.listen(to: RedisChannel(.channel, "parley:c"))
            #expect(await refused.wait { !$0.isEmpty } == ["refused NOPERM"])
            #expect(await heard.wait { !$0.isEmpty } == ["heard"])
        }
    }

    @Test("A password that is changed is missed at the next connection, and taken when it is right again")
    func rotation() async throws {
        let server = try await RedisServer.start(.redis, ["requirepass", "one"])
        let states = Happenings<String>()
        try await TestClient("\(server.address)", secret: "one").onState { state in
            switch state {
            case .up: states.append("up")
            case .down(let error): states.append("\(error.code)")
            }
        }.use { client in
            try await client.ready()
            try await client.send(RedisCommand("CONFIG", "SET", "requirepass", "two"))
            try server.ask("-a", "two", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await states.wait { $0.contains("notAuthenticated") }
            try server.ask("-a", "two", "CONFIG", "SET", "requirepass", "one")
            await states.wait { $0.last == "up" && $0.contains("notAuthenticated") }
            #expect(try await client.send(RedisCommand("PING")).text == "PONG")
        }
    }
}
