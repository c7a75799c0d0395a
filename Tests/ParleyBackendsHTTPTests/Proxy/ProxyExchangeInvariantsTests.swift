import NIOCore
import NIOHTTP1
import ParleyBackends
import Testing

@testable import ParleyBackendsHTTP
@testable import ParleyTransport

private typealias Machine = ProxyExchangeMachine

/// Whatever happens in whatever order: what a client, a backend and the process may rely on.
@Suite struct ProxyExchangeInvariantsTests {
    /// What was said so far.
    private struct Record {
        var finals = 0
        /// The answer is complete, or broken off, or another protocol's.
        var ends = 0
        var watches = 0
        var releases = 0
        var tunnels = 0
        /// A connection to a backend is in use.
        var hasBackend = false
        var held = 0
        var faults: [String] = []

        mutating func note(_ action: Machine.Action) {
            switch action {
            case .respond(let status, _):
                self.requireOpen("a head")
                if status.code >= 200 { self.finals += 1 }
                if self.finals > 1 { self.faults.append("a second answer") }
            case .refuse:
                self.requireOpen("a refusal")
                self.finals += 1
                if self.finals > 1 { self.faults.append("a refusal within an answer") }
            case .endChunks: self.requireOpen("the end of chunks")
            case .finish, .abort:
                self.requireOpen("an end")
                self.ends += 1
            case .tunnel:
                self.requireOpen("a tunnel")
                self.ends += 1
                self.tunnels += 1
                self.hasBackend = false
            case .release: self.releases += 1
            case .watchToken:
                self.watches += 1
                if self.watches > 1 || self.releases > 0 { self.faults.append("a watch too many") }
            case .sendHead, .sendBody, .sendEnd, .readBackend:
                if !self.hasBackend { self.faults.append("\(action) to nobody") }
            case .giveBack, .closeBackend: self.hasBackend = false
            case .hold(let bytes): self.held = bytes
            case .awaitBackend, .findIdle, .connect, .flushBackend, .readClient, .flushClient: break
            }
        }

        private mutating func requireOpen(_ what: String) {
            if self.ends > 0 { self.faults.append("\(what) behind the end") }
        }
    }

    private static let heads: [HTTPRequestHead] = [
        HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"),
        HTTPRequestHead(version: .http1_0, method: .GET, uri: "/", headers: ["Connection": "keep-alive"]),
        HTTPRequestHead(version: .http1_1, method: .POST, uri: "/", headers: ["Transfer-Encoding": "chunked"]),
        HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: "/",
            headers: ["Connection": "Upgrade", "Upgrade": "websocket"]
        ),
    ]

    private static let responses: [HTTPResponseHead] = [
        HTTPResponseHead(version: .http1_1, status: .ok), HTTPResponseHead(version: .http1_1, status: .noContent),
        HTTPResponseHead(version: .http1_1, status: .continue),
        HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: ["Upgrade": "websocket"]),
    ]

    @Test("Nothing is said twice, to nobody, or behind the end, and nothing is left", arguments: UInt64(0)..<8)
    func invariants(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let place = Machine.Destination(backend: BackendID("b1")!, mayResume: true)
        let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        for _ in 0..<2000 {
            var machine = Machine(Self.heads.randomElement(using: &random)!)
            var record = Record()
            var steps: [Int] = []
            let isOpen = Int.random(in: 0..<8, using: &random) > 0
            let first =
                isOpen
                ? machine.opened(place, isReady: Bool.random(using: &random), now: now) : machine.refused(.gone)
            for action in first { record.note(action) }
            for _ in 0..<Int.random(in: 1..<30, using: &random) {
                let step = Int.random(in: 0..<16, using: &random)
                steps.append(step)
                for action in Self.take(step, &machine, &record, &random) { record.note(action) }
            }
            for action in machine.aborted() { record.note(action) }
            if record.hasBackend { record.faults.append("a connection is left") }
            if record.held != 0 { record.faults.append("\(record.held) bytes are left") }
            if record.releases + record.tunnels != (isOpen ? 1 : 0) { record.faults.append("a session is left") }
            #expect(record.faults == [], "\(steps)")
        }
    }

    private static func take(
        _ step: Int,
        _ machine: inout Machine,
        _ record: inout Record,
        _ random: inout SeededRandom
    ) -> [Machine.Action] {
        let isTrue = Bool.random(using: &random)
        switch step {
        case 0: return machine.settled(isReady: isTrue)
        case 1: return machine.waitedInVain()
        case 2: return machine.cutOff()
        case 3: return machine.evicted()
        case 4:
            switch machine.received(ByteBuffer(string: "abc")) {
            case .send(let piece): return [.sendBody(piece)]
            case .hold(let bytes): return [.hold(bytes: bytes)]
            case .drop: return []
            }
        case 5: return machine.ended()
        case 6: return [machine.clientWritable(isTrue)].compactMap(\.self)
        case 7: return [machine.backendWritable(isTrue)].compactMap(\.self)
        case 8, 9:
            // There is one at a time.
            guard !record.hasBackend else { return [] }
            record.hasBackend = step == 9 || isTrue
            return step == 9 ? machine.connected() : machine.foundIdle(isTrue)
        case 10: return machine.connectFailed()
        case 11:
            guard record.hasBackend else { return [] }
            // It is closed.
            record.hasBackend = false
            return machine.backendClosed()
        case 12, 13: return machine.backendReceived(Self.responses.randomElement(using: &random)!, date: "now")
        case 14:
            guard case .flushClient(true) = machine.backendPaused() else { return [] }
            return [.watchToken]
        default: return machine.backendEnded(nil)
        }
    }
}
