import NIOCore
import NIOPosix
import RESP
import Testing

@testable import ParleyRedis

@Suite(.timeLimit(.minutes(1))) struct CommandTests {
    @Test(
        "A server is greeted and says who it is, in both versions of the protocol",
        arguments: RedisServer.Kind.allCases,
        [RESPVersion.two, .three]
    )
    func identity(kind: RedisServer.Kind, version: RESPVersion) async throws {
        let server = try await RedisServer.start(kind)
        try await TestClient("\(server.address)/3") { $0.protocolVersion = version }.use { client in
            let identity = try await client.ready()
            #expect(identity.protocolVersion == version)
            #expect(identity.name == kind.rawValue || kind == .valkey && identity.name == "redis")
            #expect((identity.majorVersion ?? 0) >= (kind == .redis ? 7 : 9))
            #expect(identity.mode == .standalone)
            #expect(identity.role == .primary)
            let info = try await client.send(RedisCommand("CLIENT", "LIST", "ID", "\(identity.clientID ?? 0)"))
            let text = try #require(info.text)
            #expect(text.contains("name=parley "))
            #expect(text.contains(" db=3 "))
            // Redis lists this from version 7.2 on.
            if kind == .valkey { #expect(text.contains(" resp=\(version.rawValue) ")) }
        }
    }

    @Test("Values come back as they were sent, and errors are errors", arguments: RedisServer.Kind.allCases)
    func values(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind)
        try await TestClient("\(server.address)").use { client in
            let bytes = ByteBuffer(bytes: (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            let set = RedisCommand("SET", count: 2) { writer in
                writer.write("key" as StaticString)
                writer.write(bytes)
            }
            #expect(try await client.send(set) == .simple("OK"))
            #expect(try await client.send(RedisCommand("GET", "key")).bytes == bytes)
            #expect(try await client.send(RedisCommand("GET", "nothing")).isNull)
            #expect(try await client.send(RedisCommand("INCR", "n")).integer == 1)
            try await client.send(RedisCommand("HSET", "h", "a", "1", "b", "2"))
            #expect(try await client.send(RedisCommand("HGETALL", "h"))["b"]?.integer == 2)
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("INCR", "key")) }
            #expect(error?.code == .refused)
            #expect(error?.reply?.code == "ERR")
        }
    }

    @Test(
        "Ten thousand commands of one turn are answered in their order, on the loop that gave them",
        arguments: RedisServer.Kind.allCases
    )
    func pipeline(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind)
        try await TestClient("\(server.address)").use { client in
            let answers = Happenings<Int64>()
            let loop = client.eventLoop
            loop.execute {
                for number in 0..<10_000 {
                    let command = RedisCommand("ECHO", count: 1) { $0.write(number) }
                    client.send(command) { result in
                        loop.preconditionInEventLoop()
                        answers.append((try? result.get().integer) ?? -1)
                    }
                }
            }
            let all = await answers.wait { $0.count == 10_000 }
            #expect(all == Array(0..<10_000))
            let statistics = await client.statistics()
            #expect(statistics.roundTrips.count == 10_000)
            #expect(statistics.waitingCommands == 0)
            #expect(statistics.waitingBytes == 0)
        }
    }

    @Test("Answers come on the loop that was asked for")
    func otherLoop() async throws {
        let server = try await RedisServer.start(.redis)
        let other = MultiThreadedEventLoopGroup.singleton.next()
        try await TestClient("\(server.address)").use { client in
            let answers = Happenings<Bool>()
            client.send(RedisCommand("PING"), on: other) { _ in answers.append(other.inEventLoop) }
            #expect(await answers.wait { $0.count == 1 } == [true])
        }
    }

    @Test(
        "A script is sent whole where the server does not know it, and by its digest from then on",
        arguments: RedisServer.Kind.allCases
    )
    func script(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind)
        let script = RedisScript("count", "return redis.call('INCRBY', KEYS[1], ARGV[1])")
        let command = RedisCommand(script, keys: 1, count: 2) { writer in
            writer.write("n" as StaticString)
            writer.write(5)
        }
        try await TestClient("\(server.address)").use { client in
            #expect(try await client.send(command).integer == 5)
            #expect(try await client.send(command).integer == 10)
            try await client.send(RedisCommand("SCRIPT", "FLUSH"))
            #expect(try await client.send(command).integer == 15)
            let calls = try await client.send(RedisCommand("INFO", "commandstats")).text ?? ""
            #expect(calls.contains("cmdstat_eval:calls=2,"))
            #expect(calls.contains("cmdstat_evalsha:calls=3,"))
        }
    }

    @Test("A script's own error is told once, and may have done something", arguments: RedisServer.Kind.allCases)
    func scriptError(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind)
        let script = RedisScript("half", "redis.call('INCR', KEYS[1]) return redis.call('INCR', KEYS[2])")
        try await TestClient("\(server.address)").use { client in
            try await client.send(RedisCommand("SET", "b", "x"))
            let command = RedisCommand(script, keys: 2, count: 2) { writer in
                writer.write("a" as StaticString)
                writer.write("b" as StaticString)
            }
            let error = await #expect(throws: RedisError.self) { try await client.send(command) }
            #expect(error?.mayHaveBeenExecuted == true)
            #expect(error?.description.contains("half") == true)
            #expect(try await client.send(RedisCommand("GET", "a")).integer == 1)
        }
    }
}
