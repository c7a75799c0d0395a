import NIOCore
import Testing

@testable import EngineIO

@Suite("An Engine.IO session")
struct EngineSessionTests {
    private let configuration = EngineConfiguration()
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func session(
        _ transport: EngineConfiguration.Transport = .polling,
        _ revision: EngineRevision = .four
    ) -> EngineSession {
        EngineSession(revision: revision, transport: transport, configuration: self.configuration, now: self.start)
    }

    private func probing(answered: Bool = true) -> EngineSession {
        var session = self.session()
        #expect(session.probeBegan(self.configuration, now: self.start) == true)
        if answered {
            let probe = EnginePacket(.ping, EngineSession.probePayload)
            #expect(session.probeReceived(probe, self.configuration, now: self.start) == .answer)
        }
        return session
    }

    // MARK: Polls

    @Test("A poll is held until there is something to say")
    func heldPoll() {
        var session = self.session()
        #expect(session.pollBegan() == .hold)
        #expect(session.outboxGrew() == false)
        session.outbox.append(EnginePacket(.message, ByteBuffer(string: "a")))
        #expect(session.outboxGrew() == true)
        #expect(session.outboxGrew() == false)
    }

    @Test("A poll that finds something is answered at once")
    func immediatePoll() {
        var session = self.session()
        session.outbox.append(.noop)
        #expect(session.pollBegan() == .answer)
        #expect(!session.hasHeldPoll)
    }

    @Test("A second poll ends the session")
    func overlappingPolls() {
        var session = self.session()
        #expect(session.pollBegan() == .hold)
        #expect(session.pollBegan() == .overlap)
        #expect(session.pollBegan() == .unknownSession)
    }

    @Test("A dropped poll ends the session, a poll that was answered does not")
    func droppedPoll() {
        var session = self.session()
        #expect(session.pollDropped() == false)
        #expect(session.pollBegan() == .hold)
        #expect(session.pollDropped() == true)
        #expect(!session.isOpen)
    }

    // MARK: Posts

    @Test("A second POST overlaps with one that is still being received")
    func overlappingPosts() {
        var session = self.session()
        #expect(session.postBegan() == .receive)
        #expect(session.postBegan() == .overlap)
    }

    @Test("POSTs may follow each other, and run beside a poll")
    func posts() {
        var session = self.session()
        #expect(session.pollBegan() == .hold)
        #expect(session.postBegan() == .receive)
        session.postEnded()
        #expect(session.postBegan() == .receive)
    }

    // MARK: Packets

    @Test(
        "Packets mean what the protocol says",
        arguments: [
            (
                EnginePacket(.message, ByteBuffer(string: "x")),
                EngineSession.ReceiveAction.message(ByteBuffer(string: "x"), isBinary: false)
            ),
            (
                EnginePacket(.message, ByteBuffer(string: "x"), isBinary: true),
                .message(ByteBuffer(string: "x"), isBinary: true)
            ),
            (EnginePacket(.pong), .none), (EnginePacket(.noop), .none), (EnginePacket(.upgrade), .none),
            (EnginePacket(.close), .ended(.transportClose)), (EnginePacket(.ping), .ended(.transportError)),
            (EnginePacket(.open), .ended(.parseError)),
        ]
    )
    func packets(_ packet: EnginePacket, _ action: EngineSession.ReceiveAction) {
        var session = self.session(.webSocket)
        #expect(session.received(packet, self.configuration, now: self.start) == action)
    }

    @Test("Clients of revision 3 ping, and are answered with what they sent")
    func revision3Ping() {
        var session = self.session(.webSocket, .three)
        let ping = EnginePacket(.ping, ByteBuffer(string: "?"))
        #expect(session.received(ping, self.configuration, now: self.start) == .sendPong(ByteBuffer(string: "?")))
    }

    // MARK: Heartbeat

    @Test("A ping goes out after the interval, and silence after it ends the session")
    func heartbeat() {
        var session = self.session(.webSocket)
        #expect(session.tick(self.configuration, now: self.start + .milliseconds(24_999)) == .none)
        let pinged = self.start + .seconds(25)
        #expect(session.deadline == pinged)
        #expect(session.tick(self.configuration, now: pinged) == .sendPing)
        #expect(session.tick(self.configuration, now: pinged) == .none)
        #expect(session.tick(self.configuration, now: pinged + .milliseconds(19_999)) == .none)
        #expect(session.tick(self.configuration, now: pinged + .seconds(20)) == .pingTimeout)
    }

    @Test("Only a pong keeps the session, and the next ping is an interval after it")
    func pong() {
        var session = self.session(.webSocket)
        let pinged = self.start + .seconds(25)
        #expect(session.tick(self.configuration, now: pinged) == .sendPing)
        let message = EnginePacket(.message, ByteBuffer(string: "x"))
        _ = session.received(message, self.configuration, now: pinged + .seconds(19))
        #expect(session.deadline == pinged + .seconds(20))
        _ = session.received(EnginePacket(.pong), self.configuration, now: pinged + .seconds(19))
        #expect(session.deadline == pinged + .seconds(44))
    }

    @Test("A loop that was held up leaves a client that hears the ping its whole time, and another one half of it")
    func lateTick() {
        let late = self.start + .seconds(60)
        var webSocket = self.session(.webSocket)
        #expect(webSocket.tick(self.configuration, now: late) == .sendPing)
        #expect(webSocket.deadline == late + .seconds(20))

        var held = self.session()
        #expect(held.pollBegan() == .hold)
        #expect(held.tick(self.configuration, now: late) == .sendPing)
        #expect(held.deadline == late + .seconds(20))

        var elsewhere = self.session()
        elsewhere.outbox.append(.noop)
        #expect(elsewhere.pollBegan() == .answer)
        #expect(elsewhere.tick(self.configuration, now: late) == .sendPing)
        #expect(elsewhere.deadline == late + .seconds(10))
    }

    @Test("Clients of revision 3 may be silent for interval and timeout together")
    func revision3Heartbeat() {
        var session = self.session(.webSocket, .three)
        #expect(session.tick(self.configuration, now: self.start + .milliseconds(44_999)) == .none)
        #expect(session.tick(self.configuration, now: self.start + .seconds(45)) == .pingTimeout)
    }

    // MARK: Upgrade

    @Test("An upgrade releases the held poll a tenth of a second after the probe, and every later one at its time")
    func upgradeReleasesPolls() {
        var session = self.session()
        #expect(session.pollBegan() == .hold)
        #expect(session.probeBegan(self.configuration, now: self.start) == true)
        let probe = EnginePacket(.ping, EngineSession.probePayload)
        #expect(session.probeReceived(probe, self.configuration, now: self.start) == .answer)
        for milliseconds in [100, 200, 500] as [Int64] {
            let due = self.start + .milliseconds(milliseconds)
            // Those in between find no poll.
            #expect(session.tick(self.configuration, now: due - .milliseconds(1)) == .none)
            if !session.hasHeldPoll { #expect(session.pollBegan() == .hold) }
            #expect(session.deadline == due)
            #expect(session.tick(self.configuration, now: due) == .releasePoll)
            #expect(session.tick(self.configuration, now: due) == .none)
        }
        #expect(session.pollBegan() == .hold)
        #expect(
            session.probeReceived(EnginePacket(.upgrade), self.configuration, now: self.start)
                == .upgrade(releasesPoll: true)
        )
        #expect(session.transport == .webSocket)
        #expect(session.pollBegan() == .unknownSession)
        #expect(session.transport != nil)
    }

    @Test("A poll during an upgrade is answered at once when there is something to say")
    func pollWhileUpgrading() {
        var session = self.probing()
        session.outbox.append(EnginePacket(.message, ByteBuffer(string: "a")))
        #expect(session.pollBegan() == .answer)
    }

    @Test("A client may upgrade without a probe, and probe more than once")
    func unusualUpgrades() {
        var bare = self.probing(answered: false)
        #expect(
            bare.probeReceived(EnginePacket(.upgrade), self.configuration, now: self.start)
                == .upgrade(releasesPoll: false)
        )
        #expect(bare.transport == .webSocket)

        var twice = self.probing()
        let later = self.start + .seconds(9)
        let probe = EnginePacket(.ping, EngineSession.probePayload)
        #expect(twice.probeReceived(probe, self.configuration, now: later) == .answer)
        // It has no more time for it.
        #expect(twice.tick(self.configuration, now: self.start + .seconds(10)) == .closeProbe)
    }

    @Test(
        "A probe that says anything else is closed, and the session goes on",
        arguments: [
            EnginePacket(.message), EnginePacket(.ping), EnginePacket(.pong, EngineSession.probePayload),
            EnginePacket(.ping, ByteBuffer(string: "prob")),
            EnginePacket(.ping, EngineSession.probePayload, isBinary: true),
        ],
        [false, true]
    )
    func strayProbe(_ packet: EnginePacket, answered: Bool) {
        var session = self.probing(answered: answered)
        #expect(session.probeReceived(packet, self.configuration, now: self.start) == .close)
        #expect(session.pollBegan() == .hold)
        #expect(session.probeBegan(self.configuration, now: self.start) == true)
    }

    @Test("One WebSocket at a time may probe, and none once the session has one")
    func secondProbe() {
        var session = self.probing()
        #expect(session.probeBegan(self.configuration, now: self.start) == false)
        _ = session.probeReceived(EnginePacket(.upgrade), self.configuration, now: self.start)
        #expect(session.probeBegan(self.configuration, now: self.start) == false)
    }

    @Test("A probe that takes too long is closed, and polls are held again")
    func probeTimeout() {
        var session = self.probing()
        #expect(session.tick(self.configuration, now: self.start + .seconds(10)) == .closeProbe)
        #expect(session.pollBegan() == .hold)
    }

    @Test("A ping that is out when the transport changes gets its whole time again")
    func pingDuringUpgrade() {
        var session = self.session()
        #expect(session.pollBegan() == .hold)
        let pinged = self.start + .seconds(25)
        #expect(session.tick(self.configuration, now: pinged) == .sendPing)
        let upgraded = pinged + .seconds(19)
        #expect(session.probeBegan(self.configuration, now: upgraded) == true)
        _ = session.probeReceived(EnginePacket(.ping, EngineSession.probePayload), self.configuration, now: upgraded)
        _ = session.probeReceived(EnginePacket(.upgrade), self.configuration, now: upgraded)
        #expect(session.deadline == upgraded + .seconds(20))
    }

    // MARK: The end

    @Test("Closing answers the held poll, or waits for the next one")
    func close() {
        var held = self.session()
        #expect(held.pollBegan() == .hold)
        #expect(
            held.close(.forcedServerClose, self.configuration, now: self.start) == .answerHeldPoll(EnginePacket(.close))
        )
        #expect(held.pollBegan() == .unknownSession)

        var idle = self.session()
        #expect(idle.close(.slowConsumer, self.configuration, now: self.start) == .awaitPoll)
        #expect(idle.pollBegan() == .answerAndEnd(EnginePacket(.close, ByteBuffer(string: "slow consumer"))))
        #expect(idle.pollBegan() == .unknownSession)
    }

    @Test("A poll that was on its way when the client left is answered like one that was held, and nothing else is")
    func left() {
        var session = self.session()
        #expect(session.leave(self.configuration, now: self.start) == true)
        #expect(!session.isOpen)
        #expect(session.transport == nil)
        #expect(session.postBegan() == .unknownSession)
        #expect(session.probeBegan(self.configuration, now: self.start) == false)
        #expect(session.pollBegan() == .answerAndEnd(EnginePacket(.noop)))
        #expect(session.pollBegan() == .unknownSession)

        var held = self.session()
        #expect(held.pollBegan() == .hold)
        #expect(held.leave(self.configuration, now: self.start) == false)

        var nobody = self.session()
        #expect(nobody.leave(self.configuration, now: self.start) == true)
        #expect(nobody.deadline == self.start + .seconds(2))
        #expect(nobody.tick(self.configuration, now: self.start + .seconds(2)) == .forget)
        #expect(nobody.pollBegan() == .unknownSession)
    }

    @Test("A session that never polls is over after seconds; a poll, or a WebSocket, keeps it")
    func firstPoll() {
        let due = self.start + .seconds(5)
        var silent = self.session()
        #expect(silent.deadline == due)
        // Saying something is no sign that anybody listens.
        #expect(silent.postBegan() == .receive)
        #expect(silent.tick(self.configuration, now: due) == .neverPolled)

        var polling = self.session()
        #expect(polling.pollBegan() == .hold)
        #expect(polling.tick(self.configuration, now: due) == .none)

        var upgrading = self.probing(answered: false)
        #expect(upgrading.tick(self.configuration, now: due) == .none)

        var webSocket = self.session(.webSocket)
        #expect(webSocket.tick(self.configuration, now: due) == .none)
    }

    @Test("The close packet comes alone, behind everything that was said before")
    func closeComesAlone() {
        var session = self.session()
        session.outbox.append(EnginePacket(.message, ByteBuffer(string: "1")))
        #expect(session.close(.forcedServerClose, self.configuration, now: self.start) == .awaitPoll)
        #expect(session.pollBegan() == .answer)
        _ = session.outbox.takeBody(.none)
        #expect(session.pollBegan() == .answerAndEnd(EnginePacket(.close)))
    }

    @Test("A session that is closed during an upgrade tells the client by the WebSocket")
    func closeWhileUpgrading() {
        var session = self.probing()
        session.outbox.append(EnginePacket(.message, ByteBuffer(string: "1")))
        #expect(session.close(.forcedServerClose, self.configuration, now: self.start) == .awaitPoll)
        #expect(session.isUpgrading)
        #expect(
            session.probeReceived(EnginePacket(.upgrade), self.configuration, now: self.start) == .upgradeAndEnd
        )
        #expect(session.transport == nil)

        var abandoned = self.probing()
        #expect(abandoned.close(.forcedServerClose, self.configuration, now: self.start) == .awaitPoll)
        #expect(abandoned.tick(self.configuration, now: self.start + .seconds(10)) == .forget)
    }

    @Test("A client's goodbye ends a session that waits to tell it of the end")
    func goodbyeWhileClosing() {
        var session = self.session()
        #expect(session.close(.forcedServerClose, self.configuration, now: self.start) == .awaitPoll)
        #expect(session.received(EnginePacket(.ping), self.configuration, now: self.start) == .none)
        #expect(
            session.received(EnginePacket(.close), self.configuration, now: self.start) == .ended(.transportClose)
        )
    }

    @Test("A session whose end nobody asks for is forgotten")
    func forget() {
        var session = self.session()
        #expect(session.close(.forcedServerClose, self.configuration, now: self.start) == .awaitPoll)
        #expect(session.tick(self.configuration, now: self.start + .seconds(29)) == .none)
        #expect(session.tick(self.configuration, now: self.start + .seconds(30)) == .forget)
        #expect(session.deadline == .distantFuture)
    }
}
