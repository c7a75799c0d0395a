import NIOCore
import ParleyModel
import SocketIO
import Testing

@testable import ParleySocketIO

@Suite("Sockets that may come back")
struct AbsentSocketsTests {
    fileprivate static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private static let connection = ConnectionID(shard: 0, slot: 1, generation: 0)

    /// A log, and who is away from it.
    private struct Rig {
        var sockets: AbsentSockets
        private(set) var log: [Publication] = []
        /// What is lost of it.
        var lost: UInt64 = 0

        init(maximumAbsentSockets: Int = 100) {
            var policy = ConnectionStateRecovery.enabled(maximumDisconnection: .seconds(10))
            policy.maximumAbsentSockets = maximumAbsentSockets
            self.sockets = AbsentSockets(policy)
        }

        private mutating func append(_ content: NamespaceEntry.Content, _ selection: Selection) -> StreamPosition {
            let publication = Publication(
                offset: UInt64(self.log.count + 1),
                time: WallTime(milliseconds: 0),
                sender: Sender(id: "", name: ""),
                payload: NamespaceEntry(selection: selection, content: content).payload
            )
            self.log.append(publication)
            return AbsentSocketsTests.position(publication.offset)
        }

        @discardableResult
        mutating func say(to rooms: [String] = [], except: [String] = [], from id: String? = nil) -> StreamPosition {
            let event = EncodedEvent("e", .none, parser: .json)
            let selection = Selection(rooms: rooms, except: except, excludedID: id)
            return self.append(.event(event, isNoted: false), selection)
        }

        @discardableResult
        mutating func change(_ change: RoomChange, to rooms: [String] = []) -> StreamPosition {
            self.append(.change(change), Selection(rooms: rooms))
        }

        mutating func store(_ session: RecoverableSession, at seconds: Int64 = 0) -> Bool {
            self.sockets.store(session, now: AbsentSocketsTests.start + .seconds(seconds))
        }

        mutating func restore(
            _ claim: RecoveryClaim,
            _ secret: String = "secret",
            as wireName: String = "/",
            at seconds: Int64 = 0
        ) -> AbsentSockets.RestoreAction {
            let request = AbsentSockets.Request(privateID: secret, wireName: wireName, claim: claim)
            let (log, lost) = (self.log, self.lost)
            return self.sockets.restore(request, now: AbsentSocketsTests.start + .seconds(seconds)) { start in
                guard start.epoch == 7, start.offset >= lost, start.offset <= log.count else { return nil }
                return Array(log[Int(start.offset)...])
            }
        }
    }

    fileprivate static func position(_ offset: UInt64) -> StreamPosition { StreamPosition(epoch: 7, offset: offset) }

    private static func session(
        _ secret: String = "secret",
        rooms: Set<ExactString> = [],
        joined: UInt64 = 0,
        heard: UInt64 = 0
    ) -> RecoverableSession {
        RecoverableSession(
            id: "me",
            privateID: secret,
            wireName: "/",
            rooms: rooms,
            data: .null,
            joined: Self.position(joined),
            heard: Self.position(heard)
        )
    }

    private static func missed(_ action: AbsentSockets.RestoreAction) -> [UInt64]? {
        guard case .restored(let restored) = action else { return nil }
        return restored.missed.events.map(\.position.offset)
    }

    @Test("A socket hears what was said to everyone, to its rooms and to itself, and nothing else")
    func missedEvents() {
        var rig = Rig()
        let last = rig.say()
        _ = rig.store(Self.session(rooms: ["a", "b"]))
        rig.say()
        rig.say(to: ["a", "b"])
        rig.say(to: ["c"])
        rig.say(to: ["me"])
        rig.say(except: ["a"])
        rig.say(to: ["c", "b"])
        rig.say(from: "me")
        #expect(Self.missed(rig.restore(.upTo(last))) == [2, 3, 5, 7])
    }

    @Test(
        "A client hears what came after it had joined, or after what it has; never less because it had not left yet",
        arguments: [(nil, [2, 3, 4]), (1, [2, 3, 4]), (2, [3, 4]), (3, [4]), (4, [])] as [(UInt64?, [UInt64])]
    )
    func since(_ has: UInt64?, _ missed: [UInt64]) {
        var rig = Rig()
        // Joined behind the first, sent two more over a link that may have been dead, and one when it had left.
        for _ in 0..<3 { rig.say() }
        _ = rig.store(Self.session(joined: 1, heard: 3))
        rig.say()
        #expect(Self.missed(rig.restore(has.map { .upTo(Self.position($0)) } ?? .nothing)) == missed)
    }

    @Test("A position from before it joined says that nothing has arrived since")
    func olderPosition() {
        var rig = Rig()
        for _ in 0..<4 { rig.say() }
        rig.lost = 2
        _ = rig.store(Self.session(joined: 3))
        #expect(Self.missed(rig.restore(.upTo(Self.position(1)))) == [4])
    }

    @Test("A replay may be lost like everything else, and is repeated")
    func lostReplay() throws {
        var rig = Rig()
        _ = rig.store(Self.session())
        guard case .restored(let empty) = rig.restore(.nothing) else {
            Issue.record("expected the socket")
            return
        }
        #expect(empty.missed.events.isEmpty)
        rig.say()
        for _ in 0..<2 {
            _ = rig.store(empty.session)
            #expect(Self.missed(rig.restore(.nothing)) == [1])
        }
    }

    @Test("A client that received nothing is fresh when the log does not reach back to its joining")
    func overrun() {
        var rig = Rig()
        for _ in 0..<5 { rig.say() }
        rig.lost = 2
        _ = rig.store(Self.session(joined: 1))
        #expect(Self.missed(rig.restore(.nothing)) == nil)
        rig.lost = 1
        #expect(Self.missed(rig.restore(.nothing)) == [2, 3, 4, 5])
    }

    @Test("A place in another log, or one that this has not reached, gives a fresh socket")
    func otherLog() {
        var rig = Rig()
        rig.say()
        _ = rig.store(Self.session())
        #expect(Self.missed(rig.restore(.upTo(StreamPosition(epoch: 8, offset: 1)))) == nil)
        #expect(Self.missed(rig.restore(.upTo(Self.position(2)))) == nil)
        #expect(Self.missed(rig.restore(.upTo(Self.position(1)))) == [])
    }

    @Test("A socket is restored once")
    func once() {
        var rig = Rig()
        _ = rig.store(Self.session())
        #expect(Self.missed(rig.restore(.nothing)) == [])
        #expect(Self.missed(rig.restore(.nothing)) == nil)
    }

    @Test("A socket that is still there has to be closed first; who has it under another connection cannot store it")
    func live() {
        var rig = Rig()
        rig.sockets.opened("secret", by: Self.connection)
        guard case .closeFirst(Self.connection) = rig.restore(.nothing) else {
            Issue.record("expected the live connection")
            return
        }
        let other = ConnectionID(shard: 0, slot: 2, generation: 0)
        rig.sockets.closed("secret", by: other)
        #expect(rig.sockets.left(Self.session(), by: other, now: Self.start) == false)
        #expect(rig.sockets.left(Self.session(), by: Self.connection, now: Self.start) == true)
        #expect(Self.missed(rig.restore(.nothing)) == [])
    }

    @Test("What was away for too long is a fresh socket")
    func tooLate() {
        var rig = Rig()
        _ = rig.store(Self.session())
        #expect(Self.missed(rig.restore(.nothing, at: 10)) == nil)
        #expect(rig.sockets.isEmpty)
    }

    @Test("Who asks by a wrong name may still come back")
    func wrongName() {
        var rig = Rig()
        _ = rig.store(Self.session())
        #expect(Self.missed(rig.restore(.nothing, as: "/other")) == nil)
        #expect(Self.missed(rig.restore(.nothing)) == [])
    }

    @Test("Absent sockets are bounded in number, and one timer does for all of them")
    func bounds() {
        var rig = Rig(maximumAbsentSockets: 2)
        func store(_ secret: String, at seconds: Int64) -> Bool { rig.store(Self.session(secret), at: seconds) }
        func restore(_ secret: String, at seconds: Int64) -> Bool {
            Self.missed(rig.restore(.nothing, secret, at: seconds)) != nil
        }
        #expect(store("a", at: 0) == true)
        #expect(store("b", at: 1) == false)
        #expect(rig.sockets.nextExpiry == Self.start + .seconds(10))
        #expect(store("c", at: 2) == false)
        #expect(restore("a", at: 2) == false)
        // Back, and away again: its time begins anew.
        #expect(restore("b", at: 3) == true)
        #expect(store("b", at: 9) == false)
        #expect(restore("c", at: 12) == false)
        #expect(restore("b", at: 18) == true)
        rig.sockets.purge(now: Self.start + .seconds(19))
        #expect(rig.sockets.nextExpiry == nil)
    }

    // MARK: What is done to those who are away

    @Test("A socket that was put into a room while it was away hears what was said there from then on")
    func joinedWhileAway() {
        var rig = Rig()
        _ = rig.store(Self.session(rooms: ["a"]))
        rig.say(to: ["b"])
        rig.change(.join(["b", "me"]), to: ["a"])
        rig.change(.join(["c"]), to: ["z"])
        rig.say(to: ["b"])
        rig.say(to: ["c"])
        rig.change(.leave(["a"]))
        rig.say(to: ["a"])
        guard case .restored(let restored) = rig.restore(.nothing) else {
            Issue.record("expected the socket")
            return
        }
        #expect(restored.missed.events.map(\.position.offset) == [4])
        #expect(restored.session.rooms == ["b"])
        #expect(restored.session.heard == Self.position(7))
    }

    @Test("What was done to it while it was there shows in its rooms already, and is not done again")
    func joinedWhileThere() {
        var rig = Rig()
        rig.change(.join(["b"]))
        rig.say(to: ["b"])
        // It has left the room by itself since.
        _ = rig.store(Self.session(heard: 2))
        #expect(Self.missed(rig.restore(.nothing)) == [])
    }

    @Test("A socket that was made to leave while it was away is fresh", arguments: [true, false])
    func disconnected(closes: Bool) {
        var rig = Rig()
        _ = rig.store(Self.session(rooms: ["a"]))
        rig.change(.disconnect(closes: closes), to: ["a"])
        rig.say()
        #expect(Self.missed(rig.restore(.nothing)) == nil)
        #expect(Self.missed(rig.restore(.nothing)) == nil)
    }

    @Test("What comes while somebody thinks about it is added")
    func catchingUp() {
        var rig = Rig()
        rig.say(to: ["a"])
        let session = Self.session(rooms: ["a"])
        var missed = MissedEvents(
            rig.log,
            after: Self.position(0),
            by: session.id,
            in: session.rooms,
            heard: session.heard
        )
        rig.change(.join(["b"]))
        rig.say(to: ["b"])
        let more = MissedEvents(
            Array(rig.log[1...]),
            after: missed.newest,
            by: session.id,
            in: missed.rooms,
            heard: missed.newest
        )
        missed.append(more)
        #expect(missed.events.map(\.position.offset) == [1, 3])
        #expect(missed.rooms == ["a", "b"])
        #expect(missed.newest == Self.position(3))
    }
}
