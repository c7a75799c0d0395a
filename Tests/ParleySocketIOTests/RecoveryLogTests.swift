import NIOCore
import ParleyModel
import SocketIO
import Testing

@testable import ParleySocketIO

@Suite("The log of a namespace whose sockets can be recovered")
struct RecoveryLogTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private static let connection = ConnectionID(shard: 0, slot: 1, generation: 0)

    private static func log(
        maximumEvents: Int = 100,
        maximumBytes: Int = 1000
    ) -> RecoveryLog {
        var policy = ConnectionStateRecovery.enabled(maximumDisconnection: .seconds(10))
        policy.maximumEvents = maximumEvents
        policy.maximumBytes = maximumBytes
        return RecoveryLog(policy, epoch: 7)
    }

    private static func say(
        _ log: inout RecoveryLog,
        to rooms: [String] = [],
        except: [String] = [],
        at time: NIODeadline = start,
        bytes: Int = 1
    ) -> String {
        let offset = log.nextOffset()
        let packet = EncodedPacket(text: ByteBuffer(repeating: 0x61, count: bytes))
        log.append(
            RecoveryLog.Entry(
                offset: offset,
                time: time,
                selection: Selection(rooms: rooms, except: except),
                packets: [packet]
            )
        )
        return log.text(of: offset)
    }

    private static func session(rooms: Set<String> = [], seen: UInt64 = 0) -> RecoverableSession {
        RecoverableSession(id: "me", privateID: "secret", wireName: "/", rooms: rooms, data: .null, seenOffset: seen)
    }

    private static func missed(_ action: RecoveryLog.RestoreAction) -> [UInt64]? {
        guard case .restored(_, let missed) = action else { return nil }
        return missed.map(\.offset)
    }

    @Test("A socket hears what was said to everyone, to its rooms and to itself, and nothing else")
    func missedEvents() {
        var log = Self.log()
        let last = Self.say(&log)
        log.store(Self.session(rooms: ["a", "b"]), now: Self.start)
        _ = Self.say(&log)
        _ = Self.say(&log, to: ["a", "b"])
        _ = Self.say(&log, to: ["c"])
        _ = Self.say(&log, to: ["me"])
        _ = Self.say(&log, except: ["a"])
        _ = Self.say(&log, to: ["c", "b"])
        #expect(Self.missed(log.restore("secret", after: last, now: Self.start)) == [2, 3, 5, 7])
    }

    @Test("A client without an offset hears what came after it had left")
    func withoutOffset() {
        var log = Self.log()
        _ = Self.say(&log)
        log.store(Self.session(seen: 1), now: Self.start)
        _ = Self.say(&log)
        #expect(Self.missed(log.restore("secret", after: nil, now: Self.start)) == [2])
    }

    @Test("A socket is restored once")
    func once() {
        var log = Self.log()
        log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore("secret", after: nil, now: Self.start)) == [])
        #expect(Self.missed(log.restore("secret", after: nil, now: Self.start)) == nil)
    }

    @Test("A socket that is still there has to be closed first")
    func live() {
        var log = Self.log()
        log.live["secret"] = Self.connection
        guard case .closeFirst(Self.connection) = log.restore("secret", after: nil, now: Self.start) else {
            Issue.record("expected the live connection")
            return
        }
    }

    @Test(
        "Offsets that mean nothing give a fresh socket",
        arguments: ["", "7", "7.", "8.1", "7.zz", "7.1.1", "1.7", "seven"]
    )
    func unknownOffset(_ offset: String) {
        var log = Self.log()
        _ = Self.say(&log)
        log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore("secret", after: offset, now: Self.start)) == nil)
    }

    @Test("What was away for too long is a fresh socket")
    func tooLate() {
        var log = Self.log()
        log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore("secret", after: nil, now: Self.start + .seconds(10))) == nil)
    }

    @Test("An offset that the log does not reach back to gives a fresh socket")
    func trimmed() {
        var log = Self.log(maximumEvents: 2)
        let first = Self.say(&log)
        for _ in 0..<3 { _ = Self.say(&log) }
        log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore("secret", after: first, now: Self.start)) == nil)
    }

    @Test("The log is bounded in bytes and in age")
    func bounds() {
        var log = Self.log(maximumBytes: 10)
        let first = Self.say(&log, bytes: 8)
        let second = Self.say(&log, bytes: 8)
        log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore("secret", after: first, now: Self.start)) == [2])
        log.purge(now: Self.start + .seconds(11))
        #expect(log.isIdle)
        log.store(Self.session(), now: Self.start + .seconds(11))
        #expect(Self.missed(log.restore("secret", after: second, now: Self.start + .seconds(11))) == [])
    }
}
