import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite(.serialized, .timeLimit(.minutes(1))) struct ClusterTests {
    /// Three nodes with a third of the slots each.
    private struct Cluster {
        let nodes: [RedisServer]

        static func start(_ kind: RedisServer.Kind) async throws -> Cluster {
            var nodes: [RedisServer] = []
            for _ in 0..<3 {
                nodes.append(
                    try await RedisServer.start(
                        kind,
                        ["cluster-enabled", "yes"],
                        ["cluster-node-timeout", "2000"],
                        ["cluster-require-full-coverage", "no"],
                        ["repl-diskless-sync-delay", "0"]
                    )
                )
            }
            let ranges = [(0, 5460), (5461, 10_922), (10_923, 16_383)]
            for (node, range) in zip(nodes, ranges) {
                try node.ask("CLUSTER", "ADDSLOTSRANGE", "\(range.0)", "\(range.1)")
                try node.ask("CLUSTER", "MEET", "127.0.0.1", "\(nodes[0].port)")
            }
            for node in nodes {
                while try !node.ask("CLUSTER", "INFO").contains("cluster_slots_ok:16384") {}
            }
            return Cluster(nodes: nodes)
        }

        func id(_ index: Int) throws -> String {
            try self.nodes[index].ask("CLUSTER", "MYID").split(separator: "\n").first.map(String.init) ?? ""
        }

        /// Moves a slot with its keys from one node to another.
        func finishMoving(_ slot: RedisSlot, from: Int, to: Int) throws {
            let number = "\(slot.number)"
            let keys = try self.nodes[from].ask("CLUSTER", "GETKEYSINSLOT", number, "100").split(separator: "\n")
            for key in keys where !key.isEmpty {
                try self.nodes[from].ask("MIGRATE", "127.0.0.1", "\(self.nodes[to].port)", String(key), "0", "5000")
            }
            for index in [to, from] + self.nodes.indices.filter({ $0 != to && $0 != from }) {
                try self.nodes[index].ask("CLUSTER", "SETSLOT", number, "NODE", self.id(to))
            }
        }

        func beginMoving(_ slot: RedisSlot, from: Int, to: Int) throws {
            try self.nodes[to].ask("CLUSTER", "SETSLOT", "\(slot.number)", "IMPORTING", self.id(from))
            try self.nodes[from].ask("CLUSTER", "SETSLOT", "\(slot.number)", "MIGRATING", self.id(to))
        }
    }

    private static func set(_ key: String, _ value: String) -> RedisCommand {
        RedisCommand("SET", key, value, slot: RedisSlot(ofKey: key))
    }

    private static func get(_ key: String) -> RedisCommand { RedisCommand("GET", key, slot: RedisSlot(ofKey: key)) }

    @Test(
        "Commands, scripts and messages find their nodes, also from the address of one node alone",
        arguments: RedisServer.Kind.allCases,
        [true, false]
    )
    func routes(kind: RedisServer.Kind, isSaidToBeOne: Bool) async throws {
        let cluster = try await Cluster.start(kind)
        let endpoint =
            isSaidToBeOne ? "redis+cluster://127.0.0.1:1,\(cluster.nodes[1].address)" : "\(cluster.nodes[2].address)"
        let script = RedisScript("echo", "return redis.call('GET', KEYS[1])")
        try await TestClient(endpoint).use { client in
            try await client.ready()
            let channels = (0..<20).map { RedisChannel(.shard, "{t\($0)}:c") }
            let happenings = channels.map { client.listen(to: $0) }
            for one in happenings { await one.wait { !$0.isEmpty && $0.last?.hasPrefix("heard") == true } }
            for number in 0..<20 {
                let key = "{t\(number)}:k"
                try await client.send(Self.set(key, "\(number)"))
                let command = RedisCommand(script, slot: RedisSlot(ofKey: key), keys: 1, count: 1) { $0.write(key) }
                #expect(try await client.send(command).integer == Int64(number))
                let published = RedisCommand.publishSharded(channels[number].name, ByteBuffer(string: "m\(number)"))
                #expect(try await client.send(published).integer == 1)
            }
            for (number, one) in happenings.enumerated() { await one.wait { $0.last == "m\(number)" } }
            // Channels without slots are everybody's.
            let plain = client.listen(to: RedisChannel(.channel, "all"))
            await plain.wait { !$0.isEmpty }
            try cluster.nodes[0].ask("PUBLISH", "all", "m")
            await plain.wait { $0.last == "m" }
        }
    }

    @Test("Keys of several slots in one command are refused as the cluster does it")
    func crossSlot() async throws {
        let cluster = try await Cluster.start(.redis)
        try await TestClient("redis+cluster://\(cluster.nodes[0].address)").use { client in
            let error = await #expect(throws: RedisError.self) {
                try await client.send(RedisCommand("MSET", "a", "1", "b", "2", slot: RedisSlot(ofKey: "a")))
            }
            #expect(error?.reply?.code == "CROSSSLOT")
            #expect(error?.mayHaveBeenExecuted == false)
        }
    }

    @Test(
        "A slot that moves is followed while it moves and afterwards, with what is subscribed to",
        arguments: RedisServer.Kind.allCases
    )
    func movingSlot(kind: RedisServer.Kind) async throws {
        let cluster = try await Cluster.start(kind)
        // 15495, at the third node.
        let slot = RedisSlot(ofKey: "a")
        try await TestClient("redis+cluster://\(cluster.nodes[0].address)").use { client in
            let happenings = client.listen(to: RedisChannel(.shard, "{a}:c"))
            await happenings.wait { !$0.isEmpty }
            try await client.send(Self.set("a", "1"))
            try cluster.beginMoving(slot, from: 2, to: 0)
            // What is there is answered there, what is not is asked of the other.
            #expect(try await client.send(Self.get("a")).text == "1")
            try await client.send(Self.set("{a}:new", "2"))
            #expect(try await client.send(Self.get("{a}:new")).text == "2")
            try cluster.finishMoving(slot, from: 2, to: 0)
            #expect(try await client.send(Self.get("a")).text == "1")
            #expect(try await client.send(Self.get("{a}:new")).text == "2")
            let said = await happenings.wait { $0.last == "heard after a gap" }
            #expect(said == ["heard", "interrupted", "heard after a gap"])
            let message = RedisCommand.publishSharded(ByteBuffer(string: "{a}:c"), ByteBuffer(string: "m"))
            #expect(try await client.send(message).integer == 1)
            await happenings.wait { $0.last == "m" }
        }
    }

    @Test(
        "A node that crashes takes its slots away alone, and they are back with it",
        arguments: RedisServer.Kind.allCases
    )
    func crashedNode(kind: RedisServer.Kind) async throws {
        let cluster = try await Cluster.start(kind)
        try await TestClient("redis+cluster://\(cluster.nodes[0].address)") { $0.holdTime = .milliseconds(500) }.use {
            client in
            try await client.send(Self.set("a", "1"))
            let happenings = client.listen(to: RedisChannel(.shard, "{a}:c"))
            await happenings.wait { !$0.isEmpty }
            await cluster.nodes[2].crash()
            await happenings.wait { $0.last == "interrupted" }
            _ = await #expect(throws: RedisError.self) { try await client.send(Self.get("a")) }
            #expect(try await client.send(Self.get("foo-0")).isNull)
            try await cluster.nodes[2].start()
            _ = try await client.sendAgain(Self.get("a"))
            await happenings.wait { $0.last == "heard after a gap" }
        }
    }

    @Test("A replica that takes over is found", arguments: RedisServer.Kind.allCases)
    func failover(kind: RedisServer.Kind) async throws {
        let cluster = try await Cluster.start(kind)
        let replica = try await RedisServer.start(kind, ["cluster-enabled", "yes"], ["cluster-node-timeout", "2000"])
        try replica.ask("CLUSTER", "MEET", "127.0.0.1", "\(cluster.nodes[0].port)")
        let id = try cluster.id(2)
        while try !replica.ask("CLUSTER", "NODES").contains(id) {}
        try replica.ask("CLUSTER", "REPLICATE", id)
        await replica.waits(for: " <-> REPLICA sync: Finished")
        try await TestClient("redis+cluster://\(cluster.nodes[0].address)") { $0.holdTime = .seconds(20) }.use {
            client in
            try await client.send(Self.set("a", "1"))
            let happenings = client.listen(to: RedisChannel(.shard, "{a}:c"))
            await happenings.wait { !$0.isEmpty }
            // The set has reached it.
            #expect(try await client.send(RedisCommand("WAIT", "1", "2000", slot: RedisSlot(ofKey: "a"))).integer == 1)
            await cluster.nodes[2].crash()
            // A replica of a dead primary waits for the others to agree; asked, it does not.
            try replica.ask("CLUSTER", "FAILOVER", "TAKEOVER")
            #expect(try await client.sendAgain(Self.get("a")).text == "1")
            await happenings.wait { $0.last == "heard after a gap" }
        }
    }
}
