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

    private static func session(rooms: Set<ExactString> = [], joined: UInt64 = 0) -> RecoverableSession {
        RecoverableSession(id: "me", privateID: "secret", wireName: "/", rooms: rooms, data: .null, joinOffset: joined)
    }

    private static func request(after offset: String?, as wireName: String = "/") -> RecoveryLog.Request {
        RecoveryLog.Request(privateID: "secret", wireName: wireName, offset: offset)
    }

    private static func missed(_ action: RecoveryLog.RestoreAction) -> [UInt64]? {
        guard case .restored(let restored) = action else { return nil }
        return restored.missed.entries.map(\.offset)
    }

    @Test("A socket hears what was said to everyone, to its rooms and to itself, and nothing else")
    func missedEvents() {
        var log = Self.log()
        let last = Self.say(&log)
        _ = log.store(Self.session(rooms: ["a", "b"]), now: Self.start)
        _ = Self.say(&log)
        _ = Self.say(&log, to: ["a", "b"])
        _ = Self.say(&log, to: ["c"])
        _ = Self.say(&log, to: ["me"])
        _ = Self.say(&log, except: ["a"])
        _ = Self.say(&log, to: ["c", "b"])
        #expect(Self.missed(log.restore(Self.request(after: last), now: Self.start)) == [2, 3, 5, 7])
    }

    @Test(
        "A client hears what came after it had joined, or after what it has; never less because it had not left yet",
        arguments: [(nil, [2, 3, 4]), (1, [2, 3, 4]), (2, [3, 4]), (3, [4]), (4, [])] as [(Int?, [UInt64])]
    )
    func since(_ has: Int?, _ missed: [UInt64]) {
        var log = Self.log()
        var offsets = [Self.say(&log)]
        // Joined behind the first, sent two more over a link that may have been dead, and one when it had left.
        for _ in 0..<2 { offsets.append(Self.say(&log)) }
        _ = log.store(Self.session(joined: 1), now: Self.start)
        offsets.append(Self.say(&log))
        let request = Self.request(after: has.map { offsets[$0 - 1] })
        #expect(Self.missed(log.restore(request, now: Self.start)) == missed)
    }

    @Test("An offset from before it joined says that nothing has arrived since")
    func olderOffset() {
        var log = Self.log(maximumEvents: 2)
        let old = Self.say(&log)
        for _ in 0..<3 { _ = Self.say(&log) }
        _ = log.store(Self.session(joined: 3), now: Self.start)
        #expect(Self.missed(log.restore(Self.request(after: old), now: Self.start)) == [4])
    }

    @Test("A replay may be lost like everything else, and is repeated")
    func lostReplay() throws {
        var log = Self.log()
        _ = log.store(Self.session(), now: Self.start)
        guard case .restored(let empty) = log.restore(Self.request(after: nil), now: Self.start) else {
            Issue.record("expected the socket")
            return
        }
        #expect(empty.missed.entries.isEmpty)
        _ = Self.say(&log)
        for _ in 0..<2 {
            _ = log.store(empty.session, now: Self.start)
            #expect(Self.missed(log.restore(Self.request(after: nil), now: Self.start)) == [1])
        }
    }

    @Test("A client that received nothing is fresh when the log does not reach back to its joining")
    func overrun() {
        var log = Self.log(maximumEvents: 3)
        for _ in 0..<5 { _ = Self.say(&log) }
        _ = log.store(Self.session(joined: 1), now: Self.start)
        #expect(Self.missed(log.restore(Self.request(after: nil), now: Self.start)) == nil)
    }

    @Test("A socket is restored once")
    func once() {
        var log = Self.log()
        _ = log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore(Self.request(after: nil), now: Self.start)) == [])
        #expect(Self.missed(log.restore(Self.request(after: nil), now: Self.start)) == nil)
    }

    @Test("A socket that is still there has to be closed first")
    func live() {
        var log = Self.log()
        log.live["secret"] = Self.connection
        guard case .closeFirst(Self.connection) = log.restore(Self.request(after: nil), now: Self.start) else {
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
        _ = log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore(Self.request(after: offset), now: Self.start)) == nil)
    }

    @Test("What was away for too long is a fresh socket")
    func tooLate() {
        var log = Self.log()
        _ = log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore(Self.request(after: nil), now: Self.start + .seconds(10))) == nil)
    }

    @Test("An offset that the log does not reach back to gives a fresh socket")
    func trimmed() {
        var log = Self.log(maximumEvents: 2)
        let first = Self.say(&log)
        for _ in 0..<3 { _ = Self.say(&log) }
        _ = log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore(Self.request(after: first), now: Self.start)) == nil)
    }

    @Test("The log is bounded in bytes and in age")
    func bounds() {
        var log = Self.log(maximumBytes: 10)
        let first = Self.say(&log, bytes: 8)
        let second = Self.say(&log, bytes: 8)
        _ = log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore(Self.request(after: first), now: Self.start)) == [2])
        log.purge(now: Self.start + .seconds(11))
        #expect(log.nextExpiry == nil)
        _ = log.store(Self.session(joined: 2), now: Self.start + .seconds(11))
        #expect(Self.missed(log.restore(Self.request(after: second), now: Self.start + .seconds(11))) == [])
    }

    @Test("Who asks by a wrong name, or with an offset that is none, may still come back")
    func wrongQuestions() {
        var log = Self.log()
        _ = log.store(Self.session(), now: Self.start)
        #expect(Self.missed(log.restore(Self.request(after: nil, as: "/other"), now: Self.start)) == nil)
        #expect(Self.missed(log.restore(Self.request(after: "nonsense"), now: Self.start)) == nil)
        #expect(Self.missed(log.restore(Self.request(after: nil), now: Self.start)) == [])
    }

    @Test("What is said while a restored socket is decided on can be asked for")
    func catchingUp() {
        var log = Self.log(maximumEvents: 3)
        _ = Self.say(&log)
        _ = Self.say(&log, to: ["a"])
        #expect(log.missed(after: 1, by: "me", rooms: ["a"])?.entries.map(\.offset) == [2])
        #expect(log.missed(after: 1, by: "me", rooms: [])?.entries.map(\.offset) == [])
        #expect(log.missed(after: 1, by: "me", rooms: [])?.newestOffset == 2)
        #expect(log.missed(after: 3, by: "me", rooms: []) == nil)
        for _ in 0..<3 { _ = Self.say(&log) }
        #expect(log.missed(after: 1, by: "me", rooms: []) == nil)
    }

    @Test("Absent sockets are bounded in number, and one timer does for all of them")
    func absentSockets() {
        var policy = ConnectionStateRecovery.enabled(maximumDisconnection: .seconds(10))
        policy.maximumAbsentSockets = 2
        var log = RecoveryLog(policy, epoch: 7)
        func store(_ secret: String, at seconds: Int64) -> Bool {
            let session = RecoverableSession(
                id: secret,
                privateID: secret,
                wireName: "/",
                rooms: [],
                data: .null,
                joinOffset: 0
            )
            return log.store(session, now: Self.start + .seconds(seconds))
        }
        func restore(_ secret: String, at seconds: Int64) -> Bool {
            let request = RecoveryLog.Request(privateID: secret, wireName: "/", offset: nil)
            return Self.missed(log.restore(request, now: Self.start + .seconds(seconds))) != nil
        }
        #expect(store("a", at: 0) == true)
        #expect(store("b", at: 1) == false)
        #expect(log.nextExpiry == Self.start + .seconds(10))
        #expect(store("c", at: 2) == false)
        #expect(restore("a", at: 2) == false)
        // Back, and away again: its time begins anew.
        #expect(restore("b", at: 3) == true)
        #expect(store("b", at: 9) == false)
        #expect(restore("c", at: 12) == false)
        #expect(restore("b", at: 18) == true)
        log.purge(now: Self.start + .seconds(19))
        #expect(log.nextExpiry == nil)
    }
}
