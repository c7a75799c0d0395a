internal import NIOCore
internal import ParleyBackends
internal import ParleyModel
internal import ParleyTransport
internal import WebSocketProtocol

/// A client's WebSocket that stays open while one backend follows another. What goes where is up to a ``ResumableSocket``; who
/// is at its other end, and how the next one gets there, is decided here.
///
/// Backends have numbers, from 1, as they are tried: what is told of an earlier one comes too late. Source:
/// docs/session-backends.md, "Resume".
struct ResumableTunnelMachine: Sendable {
    private enum Backend {
        /// At the other end of the socket.
        case present
        /// The successor of the last one is waited for.
        case sought
        /// A route to it is known, and not open.
        case found
        /// The route is open, and it takes no connections yet.
        case awaited
        case connecting
        case asked
        /// It has agreed. What it says waits until HTTP is off its connection.
        case joining(early: ByteBuffer)
        /// Gone, and nobody comes after it.
        case none
    }

    /// How long to wait before a route is opened again that too many wait for.
    static let retryTime = TimeAmount.milliseconds(100)

    private let policy: ResumePolicy
    private var socket: ResumableSocket
    private var backend = Backend.present
    /// Of the present backend, or the one that is tried.
    private var number = 1
    private var isRouteOpen = true
    private var hasClient = true
    /// When no backend is waited for any more.
    private var deadline = NIODeadline.uptimeNanoseconds(0)
    /// What was last said to be kept here.
    private var accounted = 0

    /// The first backend has agreed to speak WebSocket, and the route to it is open.
    init(_ policy: ResumePolicy) {
        self.policy = policy
        self.socket = ResumableSocket(policy)
    }

    /// By whose writability an end is read from: each as fast as the other is written to, a client without a backend as fast as
    /// its pings are answered.
    /// - Returns: `nil`: nobody's.
    func pacemaker(of end: End) -> End? {
        if self.socket.isOver { return nil }
        switch end {
        case .client: return self.socket.isAlone ? .client : .backend
        case .backend: return .client
        }
    }

    // MARK: Both ends

    /// Both connections are on their way into the tunnel.
    mutating func begin() -> [Action] { [.watch(self.number)] }

    /// They are in it, and may be written to.
    mutating func started() -> [Action] {
        switch self.backend {
        case .present: return self.carryOut(self.socket.begin()) + [.flush]
        // It is gone already.
        case .sought, .found, .awaited, .connecting, .asked, .joining, .none: return []
        }
    }

    /// They never came into it.
    mutating func failed() -> [Action] {
        self.hasClient = false
        self.backend = .none
        return self.release()
    }

    mutating func clientSent(_ bytes: ByteBuffer) -> [Action] { self.carryOut(self.socket.clientSent(bytes)) }

    mutating func backendSent(_ bytes: ByteBuffer) -> [Action] {
        switch self.backend {
        case .present: return self.carryOut(self.socket.backendSent(bytes))
        case .joining(var early):
            self.backend = .none
            early.writeImmutableBuffer(bytes)
            self.backend = .joining(early: early)
            return []
        case .sought, .found, .awaited, .connecting, .asked, .none: return []
        }
    }

    /// The connection to the backend has taken so many bytes of what was to be confirmed.
    mutating func wrote(_ count: Int) {
        switch self.backend {
        case .present: self.socket.wrote(count)
        case .sought, .found, .awaited, .connecting, .asked, .joining, .none: break
        }
    }

    mutating func clientClosed() -> [Action] {
        self.hasClient = false
        return self.socket.clientClosed() ? [] : self.stop()
    }

    /// - Parameter isReset: Whether bytes that were written to it are lost.
    mutating func backendClosed(isReset: Bool, now: NIODeadline) -> [Action] {
        switch self.backend {
        case .present:
            self.backend = .none
            self.deadline = now + self.policy.patience
            let actions = self.release() + self.carryOut(self.socket.backendClosed(isReset: isReset)) + [.flush]
            return self.socket.isOver ? actions : actions + self.readClient()
        case .joining: return self.lost()
        case .sought, .found, .awaited, .connecting, .asked, .none: return []
        }
    }

    /// Too much is kept, here or in the process.
    mutating func exhausted() -> [Action] { self.carryOut(self.socket.exhausted()) }

    // MARK: The route

    /// The token was taken back, or the backend has been gone for a while.
    /// - Parameter isServing: Whether the backend still is what requests may go to.
    mutating func cutOff(_ number: Int, isServing: Bool) -> [Action] {
        guard number == self.number, self.isRouteOpen else { return [] }
        switch self.backend {
        case _ where isServing: return self.carryOut(self.socket.revoked())
        case .present, .joining: return [.closeBackend]
        case .sought, .found, .awaited, .connecting, .asked, .none: return []
        }
    }

    /// The backend is asked to end.
    mutating func leaving(_ number: Int) -> [Action] {
        switch self.backend {
        case .present where number == self.number:
            self.socket.backendLeaves()
            return self.readClient()
        case .present, .sought, .found, .awaited, .connecting, .asked, .joining, .none: return []
        }
    }

    // MARK: The next backend

    mutating func waitedInVain() -> [Action] {
        switch self.backend {
        case .sought, .found, .awaited, .connecting, .asked, .joining: return self.giveUp(.serviceRestart)
        case .present, .none: return []
        }
    }

    mutating func found(_ found: Found) -> [Action] {
        switch self.backend {
        case .sought:
            switch found {
            case .successor:
                self.backend = .found
                return [.open]
            case .stayed: return self.giveUp(nil)
            case .nobody: return self.giveUp(.serviceRestart)
            case .shuttingDown: return self.giveUp(.serverShuttingDown)
            }
        case .present, .found, .awaited, .connecting, .asked, .joining, .none: return []
        }
    }

    mutating func opened(_ opened: Opened) -> [Action] {
        switch self.backend {
        case .found:
            switch opened {
            case .ready:
                self.backend = .connecting
                return self.adopt() + [.connect(self.number)]
            case .pending:
                self.backend = .awaited
                return self.adopt() + [.awaitBackend(self.number)]
            case .gone:
                self.backend = .sought
                return [.passOver, self.findSuccessor()]
            case .full: return [.retry(after: Self.retryTime)]
            }
        case .present, .sought, .awaited, .connecting, .asked, .joining, .none: return []
        }
    }

    mutating func retries() -> [Action] {
        switch self.backend {
        case .found: return [.open]
        case .present, .sought, .awaited, .connecting, .asked, .joining, .none: return []
        }
    }

    mutating func settled(_ number: Int, isReady: Bool) -> [Action] {
        switch self.backend {
        case .awaited where number == self.number:
            guard isReady else { return self.lost() }
            self.backend = .connecting
            return [.connect(number)]
        case .present, .sought, .found, .awaited, .connecting, .asked, .joining, .none: return []
        }
    }

    mutating func connected(_ number: Int) -> [Action] {
        switch self.backend {
        case .connecting where number == self.number:
            self.backend = .asked
            return [.shakeHands(number)]
        case .present, .sought, .found, .awaited, .connecting, .asked, .joining, .none: return [.drop]
        }
    }

    mutating func connectFailed(_ number: Int) -> [Action] {
        switch self.backend {
        case .connecting where number == self.number: return self.lost()
        case .present, .sought, .found, .awaited, .connecting, .asked, .joining, .none: return []
        }
    }

    mutating func answered(_ number: Int, _ answer: ResumeAnswer) -> [Action] {
        switch self.backend {
        case .asked where number == self.number:
            switch answer {
            case .agreed:
                self.backend = .joining(early: ByteBuffer())
                return [.join(number)]
            case .refused: return self.giveUp(.serviceRestart)
            case .closed: return self.lost()
            }
        case .present, .sought, .found, .awaited, .connecting, .asked, .joining, .none:
            // Agreed with nobody.
            return answer == .agreed ? [.drop] : []
        }
    }

    mutating func joinFailed(_ number: Int) -> [Action] {
        switch self.backend {
        case .joining where number == self.number: return self.lost()
        case .present, .sought, .found, .awaited, .connecting, .asked, .joining, .none: return []
        }
    }

    /// - Parameter isServing: As in ``cutOff(_:isServing:)``: it may be asked to end in the meantime.
    mutating func joined(_ number: Int, isServing: Bool) -> [Action] {
        switch self.backend {
        case .joining(let early) where number == self.number:
            self.backend = .present
            var actions = [.stopPatience] + self.carryOut(self.socket.backendJoined())
            actions += self.carryOut(self.socket.backendSent(early)) + [.flush]
            // All has been said.
            guard self.hasClient else { return actions + self.stop() }
            if !isServing { self.socket.backendLeaves() }
            return actions + self.readClient()
        case .present, .sought, .found, .awaited, .connecting, .asked, .joining, .none: return []
        }
    }
}

// MARK: Steps

extension ResumableTunnelMachine {
    private mutating func carryOut(_ steps: [ResumableSocket.Action]) -> [Action] {
        let last = steps.lastIndex { if case .toBackend = $0 { true } else { false } }
        var actions: [Action] = []
        var wholeBytes = 0
        for (index, step) in steps.enumerated() {
            switch step {
            case .toClient(let bytes): actions.append(.toClient(bytes))
            case .toBackend(let bytes, let isWhole):
                if isWhole { wholeBytes += bytes.readableBytes }
                // Confirmed once for all: they are written in order.
                actions.append(.toBackend(bytes, confirming: index == last ? wholeBytes : 0))
            case .closeBackend: actions.append(.finishBackend)
            case .findBackend:
                self.backend = .sought
                actions += [.startPatience(until: self.deadline), self.findSuccessor()]
            case .end(let reason): actions += self.sayGoodbye(reason) + self.stop()
            }
        }
        return actions + self.account()
    }

    private func findSuccessor() -> Action {
        .findSuccessor(isExpected: self.socket.hasFarewell, until: self.deadline)
    }

    private func readClient() -> [Action] { self.hasClient ? [.readClient] : [] }

    /// That one is gone as well.
    private mutating func lost() -> [Action] {
        self.backend = .sought
        return self.release() + [self.findSuccessor()]
    }

    private mutating func adopt() -> [Action] {
        self.number += 1
        self.isRouteOpen = true
        return [.watch(self.number)]
    }

    private mutating func release() -> [Action] {
        guard self.isRouteOpen else { return [] }
        self.isRouteOpen = false
        return [.release]
    }

    /// What is held for backends and clients is bounded in all; a few bytes are no more than any connection has.
    private mutating func account() -> [Action] {
        let held = self.socket.heldBytes / ResumeBudget.granule * ResumeBudget.granule
        guard held != self.accounted else { return [] }
        defer { self.accounted = held }
        return [.hold(bytes: held, more: held - self.accounted)]
    }

    // MARK: The end

    private mutating func giveUp(_ reason: CloseReason?) -> [Action] {
        self.carryOut(self.socket.gaveUp(reason)) + [.flush]
    }

    private func sayGoodbye(_ reason: CloseReason?) -> [Action] {
        guard self.hasClient else { return [] }
        guard let reason else { return [.finishClient] }
        var frame = ByteBuffer()
        WebSocketFrame.writeClose(code: .init(rawValue: reason.code), reason: reason.reason, into: &frame)
        return [.toClient(frame), .finishClient]
    }

    /// The client is gone, or about to be.
    private mutating func stop() -> [Action] {
        let former = self.backend
        self.backend = .none
        let actions: [Action]
        switch former {
        case .present: actions = self.release() + [.finishBackend]
        case .joining: actions = [.stopPatience] + self.release() + [.finishBackend]
        case .sought, .asked: actions = [.stopSearch, .stopPatience] + self.release()
        case .found, .awaited, .connecting: actions = [.stopPatience] + self.release()
        case .none: actions = []
        }
        return actions + self.account() + self.readClient()
    }
}
