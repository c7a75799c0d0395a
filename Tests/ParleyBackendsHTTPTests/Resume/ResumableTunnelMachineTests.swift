import NIOCore
import ParleyBackends
import ParleyModel
import Testing
import WebSocketProtocol

@testable import ParleyBackendsHTTP

private typealias Machine = ResumableTunnelMachine
private typealias Action = ResumableTunnelMachine.Action

private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
private let deadline = start + .seconds(60)
private let a = Frames.client("a")
private let b = Frames.client("b")

private func close(_ reason: CloseReason) -> ByteBuffer { Frames.close(reason.code, reason.reason) }

extension ResumableTunnelMachine {
    /// One that is at work, with its first backend.
    fileprivate static func working(_ policy: ResumePolicy = ResumePolicy()) -> Machine {
        var machine = Machine(policy)
        _ = machine.begin()
        _ = machine.started()
        return machine
    }

    /// One whose first backend is gone, at a point of the search for the second.
    fileprivate static func searching(_ step: Step = .sought, _ policy: ResumePolicy = ResumePolicy()) -> Machine {
        var machine = Self.working(policy)
        _ = machine.backendClosed(isReset: false, now: start)
        machine.advance(to: step)
        return machine
    }

    fileprivate enum Step: CaseIterable { case sought, found, awaited, connecting, asked, joining }

    fileprivate mutating func advance(to step: Step) {
        if step == .sought { return }
        _ = self.found(.successor)
        switch step {
        case .sought, .found: break
        case .awaited: _ = self.opened(.pending)
        case .connecting, .asked, .joining:
            _ = self.opened(.ready)
            if step == .connecting { return }
            _ = self.connected(2)
            if step == .joining { _ = self.answered(2, .agreed) }
        }
    }

    /// What is let go of at the end, from a step of the search.
    fileprivate static func stop(_ step: Step) -> [Action] {
        switch step {
        case .sought: [.stopSearch, .stopPatience]
        case .found: [.stopPatience]
        case .awaited, .connecting: [.stopPatience, .release]
        case .asked: [.stopSearch, .stopPatience, .release]
        case .joining: [.stopPatience, .release, .finishBackend]
        }
    }
}

@Suite struct ResumableTunnelMachineTests {
    // MARK: Both are there

    @Test("While both are there, bytes pass, and messages are confirmed once for all")
    func passes() {
        var machine = Machine(ResumePolicy())
        #expect(machine.begin() == [.watch(1)])
        #expect(machine.started() == [.toBackend(Frames.probe(1), confirming: 0), .flush])
        var both = a
        both.writeImmutableBuffer(b)
        #expect(
            machine.clientSent(both) == [
                .toBackend(a, confirming: 0), .toBackend(b, confirming: a.readableBytes + b.readableBytes),
            ]
        )
        let answer = Frames.server("answer")
        #expect(machine.backendSent(answer) == [.toClient(answer)])
    }

    @Test("Each end is read from as fast as the other is written to, a client alone as fast as it is answered")
    func pacemakers() {
        var machine = Machine.working()
        #expect(machine.pacemaker(of: .client) == .backend)
        #expect(machine.pacemaker(of: .backend) == .client)
        _ = machine.backendClosed(isReset: false, now: start)
        #expect(machine.pacemaker(of: .client) == .client)
        _ = machine.exhausted()
        #expect(machine.pacemaker(of: .client) == nil)
        #expect(machine.pacemaker(of: .backend) == nil)
    }

    @Test("A client that goes ends the tunnel")
    func clientGoes() {
        var machine = Machine.working()
        #expect(machine.clientClosed() == [.release, .finishBackend])
        #expect(machine.backendClosed(isReset: false, now: start) == [])
        #expect(machine.clientSent(a) == [])
        #expect(machine.clientClosed() == [])
    }

    @Test("A tunnel whose ends never came into it lets its route go")
    func fails() {
        var machine = Machine(ResumePolicy())
        _ = machine.begin()
        #expect(machine.failed() == [.release])
        #expect(machine.started() == [])
        #expect(machine.clientClosed() == [])
    }

    @Test("A backend that goes before anything could be written is not asked what it has read")
    func goesBeforeStart() {
        var machine = Machine(ResumePolicy())
        _ = machine.begin()
        #expect(machine.backendClosed(isReset: false, now: start).contains(.release))
        #expect(machine.started() == [])
        machine.advance(to: .joining)
        #expect(machine.joined(2, isServing: true).contains(.toBackend(Frames.probe(1), confirming: 0)))
    }

    @Test("The goodbye of a client passes, and the end of its backend is the end then")
    func goodbye() {
        var machine = Machine.working()
        let goodbye = Frames.close(1000, mask: 1)
        #expect(machine.clientSent(goodbye) == [.toBackend(goodbye, confirming: 0)])
        #expect(machine.backendClosed(isReset: false, now: start) == [.release, .finishClient, .readClient, .flush])
        #expect(machine.clientClosed() == [])
    }

    @Test("What was written to a backend is its own, unless its connection was reset")
    func confirms() {
        for isReset in [false, true] {
            var machine = Machine.working()
            _ = machine.backendSent(Frames.server("parley resume 1", .pong))
            _ = machine.clientSent(a)
            machine.wrote(a.readableBytes)
            _ = machine.backendClosed(isReset: isReset, now: start)
            machine.wrote(a.readableBytes)
            machine.advance(to: .joining)
            let actions = machine.joined(2, isServing: true)
            #expect(actions.contains { if case .toBackend(a, _) = $0 { true } else { false } } == isReset)
        }
    }

    // MARK: The next backend

    @Test("A backend that goes is followed by another, which is given what was said meanwhile")
    func follows() {
        var machine = Machine.working()
        #expect(
            machine.backendClosed(isReset: false, now: start) == [
                .release, .startPatience(until: deadline), .findSuccessor(isExpected: false, until: deadline), .flush,
                .readClient,
            ]
        )
        #expect(machine.clientSent(a) == [])
        #expect(machine.found(.successor) == [.open])
        #expect(machine.opened(.ready) == [.watch(2), .connect(2)])
        #expect(machine.connected(2) == [.shakeHands(2)])
        #expect(machine.answered(2, .agreed) == [.join(2)])
        let early = Frames.server("early")
        #expect(machine.backendSent(early) == [])
        #expect(machine.clientSent(b) == [])
        var kept = a
        kept.writeImmutableBuffer(b)
        #expect(
            machine.joined(2, isServing: true) == [
                .stopPatience, .toBackend(kept, confirming: 0),
                .toBackend(Frames.probe(2), confirming: kept.readableBytes), .toClient(early), .flush, .readClient,
            ]
        )
        #expect(machine.clientSent(a) == [.toBackend(a, confirming: a.readableBytes)])
        // The patience of the first search is over.
        #expect(machine.waitedInVain() == [])
    }

    @Test("A backend that is not ready is waited for")
    func awaits() {
        var machine = Machine.searching(.found)
        #expect(machine.opened(.pending) == [.watch(2), .awaitBackend(2)])
        #expect(machine.settled(1, isReady: true) == [])
        #expect(machine.settled(2, isReady: true) == [.connect(2)])
        #expect(machine.settled(2, isReady: true) == [])
    }

    @Test("A route that is gone leads to the next; one that too many wait for is tried again")
    func opens() {
        var machine = Machine.searching(.found)
        #expect(machine.opened(.full) == [.retry(after: .milliseconds(100))])
        #expect(machine.retries() == [.open])
        #expect(machine.opened(.gone) == [.passOver, .findSuccessor(isExpected: false, until: deadline)])
        #expect(machine.retries() == [])
        #expect(machine.found(.successor) == [.open])
    }

    @Test("Where one is lost on the way, the search goes on until the same time", arguments: 0..<6)
    func losesOne(_ way: Int) {
        let steps: [Machine.Step] = [.awaited, .connecting, .asked, .joining, .joining, .joining]
        var machine = Machine.searching(steps[way])
        let actions =
            switch way {
            case 0: machine.settled(2, isReady: false)
            case 1: machine.connectFailed(2)
            case 2: machine.answered(2, .closed)
            case 3: machine.joinFailed(2)
            case 4: machine.backendClosed(isReset: true, now: start + .seconds(9))
            default: machine.backendClosed(isReset: false, now: start + .seconds(9))
            }
        #expect(actions == [.release, .findSuccessor(isExpected: false, until: deadline)])
        // What was told of it comes too late for the one after it.
        #expect(machine.found(.successor) == [.open])
        #expect(machine.opened(.ready) == [.watch(3), .connect(3)])
        #expect(machine.connectFailed(2) == [])
        #expect(machine.connected(2) == [.drop])
        #expect(machine.connected(3) == [.shakeHands(3)])
        #expect(machine.answered(2, .agreed) == [.drop])
        #expect(machine.answered(2, .closed) == [])
    }

    @Test(
        "Why nobody comes is said",
        arguments: [
            (Machine.Found.stayed, nil), (.nobody, .serviceRestart), (.shuttingDown, .serverShuttingDown),
        ] as [(ResumableTunnelMachine.Found, CloseReason?)]
    )
    func nobody(_ found: ResumableTunnelMachine.Found, _ reason: CloseReason?) {
        var machine = Machine.searching()
        let said = reason.map { [Action.toClient(close($0))] } ?? []
        #expect(machine.found(found) == said + [.finishClient, .stopSearch, .stopPatience, .readClient, .flush])
        #expect(machine.found(.successor) == [])
    }

    @Test("A backend that refuses the socket ends it")
    func refused() {
        var machine = Machine.searching(.asked)
        #expect(
            machine.answered(2, .refused)
                == [.toClient(close(.serviceRestart)), .finishClient] + Machine.stop(.asked) + [.readClient, .flush]
        )
    }

    @Test("Patience ends at any point of the search, and all that was begun", arguments: Machine.Step.allCases)
    fileprivate func patience(_ step: Machine.Step) {
        var machine = Machine.searching(step)
        #expect(
            machine.waitedInVain()
                == [.toClient(close(.serviceRestart)), .finishClient] + Machine.stop(step) + [.readClient, .flush]
        )
        #expect(machine.waitedInVain() == [])
        #expect(machine.found(.successor) == [])
        #expect(machine.opened(.ready) == [])
        #expect(machine.retries() == [])
        #expect(machine.settled(2, isReady: true) == [])
        #expect(machine.connected(2) == [.drop])
        #expect(machine.answered(2, .agreed) == [.drop])
        #expect(machine.joined(2, isServing: true) == [])
        #expect(machine.backendSent(Frames.server("late")) == [])
        #expect(machine.backendClosed(isReset: false, now: start) == [])
    }

    @Test("A client that goes ends the search at any point", arguments: Machine.Step.allCases)
    fileprivate func clientGoesMeanwhile(_ step: Machine.Step) {
        var machine = Machine.searching(step)
        #expect(machine.clientClosed() == Machine.stop(step))
    }

    @Test("The last words of a client that is gone are given to the next backend, behind them it is over")
    func lastWords() {
        var machine = Machine.searching()
        let goodbye = Frames.close(1000, mask: 1)
        _ = machine.clientSent(a)
        #expect(machine.clientSent(goodbye) == [])
        #expect(machine.clientClosed() == [])
        machine.advance(to: .joining)
        var words = a
        words.writeImmutableBuffer(goodbye)
        #expect(
            machine.joined(2, isServing: true) == [
                .stopPatience, .toBackend(words, confirming: words.readableBytes), .flush, .release, .finishBackend,
            ]
        )
    }

    @Test("The goodbye of a backend that goes away is answered and kept from the client, and another expected")
    func farewell() {
        var machine = Machine.working()
        let farewell = Frames.close(1012)
        let actions = machine.backendSent(farewell)
        #expect(actions.last == .finishBackend)
        #expect(!actions.contains { if case .toClient = $0 { true } else { false } })
        #expect(
            machine.backendClosed(isReset: false, now: start)
                .contains(.findSuccessor(isExpected: true, until: deadline))
        )
        // Nobody comes: then it is said.
        #expect(machine.found(.nobody).contains(.toClient(close(.serviceRestart))))
    }

    // MARK: The route

    @Test("A token that is taken back ends the tunnel where a route is open", arguments: Machine.Step.allCases)
    fileprivate func revoked(_ step: Machine.Step) {
        var machine = Machine.searching(step)
        let isOpen = step != .sought && step != .found
        #expect(machine.cutOff(1, isServing: true) == [])
        let end = [.finishClient] + Machine.stop(step) + [.readClient]
        #expect(machine.cutOff(2, isServing: true) == (isOpen ? end : []))
    }

    @Test("A backend that has been gone for a while is cut off")
    func cutOff() {
        var machine = Machine.working()
        #expect(machine.cutOff(1, isServing: false) == [.closeBackend])
        #expect(machine.cutOff(2, isServing: false) == [])
        machine = Machine.searching(.joining)
        #expect(machine.cutOff(2, isServing: false) == [.closeBackend])
        machine = Machine.searching(.awaited)
        #expect(machine.cutOff(2, isServing: false) == [])
    }

    @Test("From the moment at which a backend is asked to end, messages are for the next", arguments: [true, false])
    func leaves(_ isBefore: Bool) {
        var machine = Machine.searching(.joining)
        #expect(machine.leaving(2) == [])
        _ = machine.joined(2, isServing: !isBefore)
        if !isBefore {
            #expect(machine.leaving(1) == [])
            #expect(machine.leaving(2) == [.readClient])
        }
        #expect(machine.clientSent(a) == [])
        #expect(machine.backendClosed(isReset: false, now: start).contains(.release))
        #expect(machine.found(.successor) == [.open])
    }

    // MARK: What is kept

    @Test("What is kept is told in whole granules, and let go of at the end")
    func accounts() {
        var machine = Machine.searching(.sought, ResumePolicy(maximumBytes: 1 << 20))
        let large = Frames.client(String(repeating: "x", count: 40 << 10))
        #expect(machine.clientSent(large) == [])
        #expect(machine.clientSent(large) == [.hold(bytes: 64 << 10, more: 64 << 10)])
        #expect(machine.clientSent(a) == [])
        let actions = machine.exhausted()
        #expect(actions.first == .toClient(close(.tooMuchToResume)))
        #expect(actions.contains(.hold(bytes: 0, more: -(64 << 10))))
        #expect(machine.exhausted() == [])
    }

    @Test("More than a socket may keep ends it, and says so")
    func tooMuch() {
        var machine = Machine.searching(.sought, ResumePolicy(maximumBytes: 16))
        #expect(machine.clientSent(a) == [])
        let actions = machine.clientSent(Frames.client("too long for what is left"))
        #expect(actions.first == .toClient(close(.tooMuchToResume)))
        #expect(machine.pacemaker(of: .client) == nil)
    }
}
