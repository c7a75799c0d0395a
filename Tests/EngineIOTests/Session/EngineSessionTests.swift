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
            #expect(session.probeReceived(probe, self.configuration, now: self.start) == .answer(releasesPoll: false))
        }
        return session
    }

    // MARK: Polls

    @Test("A poll is held until there is something to say")
    func heldPoll() {
        var session = self.session()
        #expect(session.pollBegan() == .hold)
        #expect(session.outboxGrew() == false)
        session.outbox.append(.message, ByteBuffer(string: "a"))
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
        var session = self.session()
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
        var session = self.session()
        let pinged = self.start + .seconds(25)
        #expect(session.tick(self.configuration, now: pinged) == .sendPing)
        let message = EnginePacket(.message, ByteBuffer(string: "x"))
        _ = session.received(message, self.configuration, now: pinged + .seconds(19))
        #expect(session.deadline == pinged + .seconds(20))
        _ = session.received(EnginePacket(.pong), self.configuration, now: pinged + .seconds(19))
        #expect(session.deadline == pinged + .seconds(44))
    }

    @Test("A loop that was held up leaves the client half of its time")
    func lateTick() {
        var session = self.session()
        let late = self.start + .seconds(60)
        #expect(session.tick(self.configuration, now: late) == .sendPing)
        #expect(session.deadline == late + .seconds(10))
    }

    @Test("Clients of revision 3 may be silent for interval and timeout together")
    func revision3Heartbeat() {
        var session = self.session(.webSocket, .three)
        #expect(session.tick(self.configuration, now: self.start + .milliseconds(44_999)) == .none)
        #expect(session.tick(self.configuration, now: self.start + .seconds(45)) == .pingTimeout)
    }

    // MARK: Upgrade

    @Test("The upgrade releases the held poll with the probe's answer, and every later one")
    func upgradeReleasesPolls() {
        var session = self.session()
        #expect(session.pollBegan() == .hold)
        #expect(session.probeBegan(self.configuration, now: self.start) == true)
        let probe = EnginePacket(.ping, EngineSession.probePayload)
        #expect(session.probeReceived(probe, self.configuration, now: self.start) == .answer(releasesPoll: true))
        #expect(session.pollBegan() == .answer)
        #expect(session.pollBegan() == .answer)
        #expect(
            session.probeReceived(EnginePacket(.upgrade), self.configuration, now: self.start)
                == .upgrade(releasesPoll: false)
        )
        #expect(session.transport == .webSocket)
        #expect(session.pollBegan() == .unknownSession)
        #expect(session.transport != nil)
    }

    @Test(
        "A probe that begins with anything else is closed, and the session goes on",
        arguments: [
            EnginePacket(.upgrade), EnginePacket(.message), EnginePacket(.ping),
            EnginePacket(.ping, ByteBuffer(string: "prob")),
        ]
    )
    func strayProbe(_ packet: EnginePacket) {
        var session = self.probing(answered: false)
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
        #expect(held.close(self.configuration, now: self.start) == .answerHeldPoll)
        #expect(held.pollBegan() == .unknownSession)

        var idle = self.session()
        #expect(idle.close(self.configuration, now: self.start) == .awaitPoll)
        #expect(idle.pollBegan() == .answerAndEnd)
        #expect(idle.pollBegan() == .unknownSession)
    }

    @Test("The close packet comes alone, behind everything that was said before")
    func closeComesAlone() {
        var session = self.session()
        session.outbox.append(.message, ByteBuffer(string: "1"))
        #expect(session.close(self.configuration, now: self.start) == .awaitPoll)
        #expect(session.pollBegan() == .answer)
        _ = session.outbox.takeBody(maximumPackets: 16)
        #expect(session.pollBegan() == .answerAndEnd)
    }

    @Test("A session that is closed during an upgrade tells the client by the WebSocket")
    func closeWhileUpgrading() {
        var session = self.probing()
        session.outbox.append(.message, ByteBuffer(string: "1"))
        #expect(session.close(self.configuration, now: self.start) == .awaitPoll)
        #expect(session.isUpgrading)
        #expect(
            session.probeReceived(EnginePacket(.upgrade), self.configuration, now: self.start) == .upgradeAndEnd
        )
        #expect(session.transport == nil)

        var abandoned = self.probing()
        #expect(abandoned.close(self.configuration, now: self.start) == .awaitPoll)
        #expect(abandoned.tick(self.configuration, now: self.start + .seconds(10)) == .forget)
    }

    @Test("A client's goodbye ends a session that waits to tell it of the end")
    func goodbyeWhileClosing() {
        var session = self.session()
        #expect(session.close(self.configuration, now: self.start) == .awaitPoll)
        #expect(session.received(EnginePacket(.ping), self.configuration, now: self.start) == .none)
        #expect(
            session.received(EnginePacket(.close), self.configuration, now: self.start) == .ended(.transportClose)
        )
    }

    @Test("A session whose end nobody asks for is forgotten")
    func forget() {
        var session = self.session()
        #expect(session.close(self.configuration, now: self.start) == .awaitPoll)
        #expect(session.tick(self.configuration, now: self.start + .seconds(29)) == .none)
        #expect(session.tick(self.configuration, now: self.start + .seconds(30)) == .forget)
        #expect(session.deadline == .distantFuture)
    }
}
