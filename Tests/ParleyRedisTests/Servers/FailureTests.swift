import NIOCore
import NIOPosix
import RESP
import Testing

@testable import ParleyRedis

@Suite(.timeLimit(.minutes(1))) struct FailureTests {
    @Test("Where nobody listens, that is said, and commands fail unsent")
    func nobody() async throws {
        let port = try RedisServer.freePort()
        try await TestClient("127.0.0.1:\(port)") { $0.holdTime = .milliseconds(200) }.use { client in
            let error = await #expect(throws: RedisError.self) { try await client.ready() }
            #expect(error?.code == .connectionLost)
            #expect(error?.description.contains("127.0.0.1:\(port)") == true)
            #expect(error?.description.contains("Connection refused") == true)
            let unsent = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("INCR", "n")) }
            #expect(unsent?.mayHaveBeenExecuted == false)
        }
    }

    @Test("A name that there is not is said to be one")
    func unknownName() async throws {
        try await TestClient("no-such-host.invalid:1").use { client in
            let error = await #expect(throws: RedisError.self) { try await client.ready() }
            #expect(error?.description.contains("no-such-host.invalid") == true)
        }
    }

    @Test(
        "A server that is paused fails what was sent in time, and serves again when it goes on",
        arguments: RedisServer.Kind.allCases
    )
    func paused(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind)
        try await TestClient("\(server.address)") {
            $0.commandTimeout = .seconds(1)
            $0.connectTimeout = .seconds(1)
            $0.holdTime = .seconds(20)
        }.use { client in
            try await client.sendAgain(RedisCommand("PING"))
            server.pause()
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("INCR", "n")) }
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveBeenExecuted == true)
            // It waits for a connection, and goes when there is one.
            let held = Happenings<Int64>()
            client.send(RedisCommand("INCR", "m")) { held.append((try? $0.get().integer) ?? -1) }
            server.resume()
            #expect(await held.wait { $0.count == 1 } == [1])
            // What was sent before was executed late: which is why nobody sends it again unasked.
            #expect(try await client.send(RedisCommand("GET", "n")).integer == 1)
        }
    }

    @Test(
        "A server that crashes and comes back is found again, knows no script, and is told it",
        arguments: RedisServer.Kind.allCases
    )
    func crash(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind, ["appendonly", "yes"], ["appendfsync", "always"])
        let script = RedisScript("count", "return redis.call('INCR', KEYS[1])")
        let command = RedisCommand(script, keys: 1, count: 1) { $0.write("n" as StaticString) }
        try await TestClient("\(server.address)") { $0.holdTime = .seconds(20) }.use { client in
            #expect(try await client.send(command).integer == 1)
            await server.crash()
            let held = Happenings<Int64>()
            client.send(command) { held.append((try? $0.get().integer) ?? -1) }
            try await server.start()
            let value = await held.wait { $0.count == 1 }[0]
            // Sent into the connection that had ended without our knowing, it is not sent again.
            if value == -1 {
                #expect(try await client.send(command).integer == 2)
            } else {
                #expect(value == 2)
            }
            let statistics = await client.statistics()
            #expect(statistics.connectionsLost >= 1)
        }
    }

    @Test(
        "A connection that the server closes fails what waits, and the next one serves",
        arguments: RedisServer.Kind.allCases
    )
    func killedConnection(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind)
        try await TestClient("\(server.address)").use { client in
            let identity = try await client.ready()
            let blocked = Happenings<RedisError?>()
            client.send(RedisCommand("BLPOP", "nothing", "0")) { result in
                if case .failure(let error) = result { blocked.append(error) }
            }
            // Behind it, in the same connection.
            client.send(RedisCommand("INCR", "n")) { result in
                if case .failure(let error) = result { blocked.append(error) }
            }
            while try !server.ask("CLIENT", "LIST").contains("cmd=blpop") {}
            try server.ask("CLIENT", "KILL", "ID", "\(identity.clientID ?? 0)")
            let errors = await blocked.wait { $0.count == 2 }
            #expect(errors.allSatisfy { $0?.code == .connectionLost && $0?.mayHaveBeenExecuted == true })
            #expect(try await client.send(RedisCommand("GET", "n")).isNull)
        }
    }

    @Test("What is no server of Redis is told apart from one")
    func noRedis() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(BadRequest())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = listener.localAddress?.port ?? 0
        try await TestClient("127.0.0.1:\(port)").use { client in
            let error = await #expect(throws: RedisError.self) { try await client.ready() }
            #expect(error?.code == .protocolViolation)
            #expect(error?.description.contains("Redis") == true)
        }
        try await listener.close()
    }

    @Test("A client that is closed from within an answer tells everybody who waits")
    func closedWithin() async throws {
        let server = try await RedisServer.start(.redis)
        try await TestClient("\(server.address)").use { client in
            try await client.ready()
            let outcomes = Happenings<String>()
            client.eventLoop.execute {
                client.send(RedisCommand("PING")) { result in
                    outcomes.append((try? result.get().text) ?? "failed")
                    // On this loop, while answers are being told.
                    client.close()
                }
                for _ in 0..<3 {
                    client.send(RedisCommand("BLPOP", "nothing", "0")) { result in
                        if case .failure(let error) = result { outcomes.append("\(error.code)") }
                    }
                }
            }
            #expect(await outcomes.wait { $0.count == 4 } == ["PONG", "closed", "closed", "closed"])
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
            #expect(error?.code == .closed)
        }
    }

    @Test("A replica is refused where a primary is needed", arguments: RedisServer.Kind.allCases)
    func replica(kind: RedisServer.Kind) async throws {
        let primary = try await RedisServer.start(kind)
        let replica = try await RedisServer.start(kind, ["replicaof", "127.0.0.1", "\(primary.port)"])
        try await TestClient("\(replica.address)").use { client in
            let error = await #expect(throws: RedisError.self) { try await client.ready() }
            #expect(error?.code == .notPrimary)
        }
    }

    @Test(
        "A primary that becomes a replica is left, and taken again when it is one",
        arguments: RedisServer.Kind.allCases
    )
    func demoted(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind)
        let other = try await RedisServer.start(kind)
        let states = Happenings<String>()
        try await TestClient("\(server.address)").onState { state in
            switch state {
            case .up: states.append("up")
            case .down(let error): states.append("\(error.code)")
            }
        }.use { client in
            try await client.ready()
            try server.ask("REPLICAOF", "127.0.0.1", "\(other.port)")
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("INCR", "n")) }
            #expect(error?.reply?.code == "READONLY")
            #expect(error?.mayHaveBeenExecuted == false)
            await states.wait { $0.filter { $0 == "notPrimary" }.count >= 2 }
            try server.ask("REPLICAOF", "NO", "ONE")
            await states.wait { $0.last == "up" }
            #expect(try await client.send(RedisCommand("INCR", "n")).integer == 1)
        }
    }
}

/// Answers everything as a server of HTTP does what it does not understand.
private final class BadRequest: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let answer = ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        context.writeAndFlush(self.wrapOutboundOut(answer), promise: nil)
    }
}
