import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite struct RedisSentinelMachineTests {
    private static let sentinels = [RedisAddress("s1", 1), RedisAddress("s2", 2), RedisAddress("s3", 3)]
    private static let error = RedisError(.timedOut, "no answer")

    private func said(_ machine: inout RedisSentinelMachine) -> [RedisSentinelMachine.Action] {
        var said: [RedisSentinelMachine.Action] = []
        while let action = machine.next() { said.append(action) }
        return said
    }

    @Test("Sentinels are asked in turn until one knows, and that one first the next time")
    func order() {
        var machine = RedisSentinelMachine(sentinels: Self.sentinels, name: "main")
        #expect(words(machine.command.bytes) == "SENTINEL GET-MASTER-ADDR-BY-NAME main")
        machine.resolve()
        machine.resolve()
        #expect(said(&machine) == [.ask(Self.sentinels[0])])
        machine.failed(Self.error, at: Self.sentinels[0])
        machine.failed(Self.error, at: Self.sentinels[0])
        #expect(said(&machine) == [.ask(Self.sentinels[1])])
        machine.answered(.array([.bulk("10.0.0.1"), .bulk("6379")]), by: Self.sentinels[1])
        #expect(said(&machine) == [.found(RedisAddress("10.0.0.1", 6379))])
        machine.resolve()
        #expect(said(&machine) == [.ask(Self.sentinels[1])])
    }

    @Test(
        "A sentinel that does not know is as good as none",
        arguments: [.null, .array([]), .array([.bulk("h")]), .array([.bulk("h"), .bulk("0")]), .ok, .error("ERR x")]
            as [RESPValue]
    )
    func unknown(answer: RESPValue) {
        var machine = RedisSentinelMachine(sentinels: [Self.sentinels[0]], name: "main")
        machine.resolve()
        machine.answered(answer, by: Self.sentinels[0])
        guard case .failed(let error)? = said(&machine).last else {
            Issue.record("expected a failure")
            return
        }
        #expect(error.code == .unavailable)
        #expect(error.description.contains("main") && error.description.contains("REDIS_ENDPOINT"))
        machine.resolve()
        #expect(said(&machine) == [.ask(Self.sentinels[0])])
    }

    @Test("An answer that comes late changes nothing")
    func late() {
        var machine = RedisSentinelMachine(sentinels: Self.sentinels, name: "main")
        machine.answered(.array([.bulk("h"), .bulk("1")]), by: Self.sentinels[0])
        machine.resolve()
        machine.failed(Self.error, at: Self.sentinels[0])
        machine.answered(.array([.bulk("h"), .bulk("1")]), by: Self.sentinels[0])
        #expect(said(&machine) == [.ask(Self.sentinels[0]), .ask(Self.sentinels[1])])
    }
}
