import NIOCore
import ParleyHub
import ParleyModel
import WebSocketProtocol

@testable import ParleyTransport

/// A share that is used up after so many messages, or bytes.
struct ScriptedTurn: LoopTurn {
    var messages = Int.max
    var bytes = Int.max

    mutating func spend(_ bytes: Int) -> Bool {
        self.messages -= 1
        self.bytes -= bytes
        return self.messages <= 0 || self.bytes <= 0
    }
}

/// A machine that is told one thing after another, and what it says, in words.
struct MachineScript {
    /// What happens to a connection.
    enum Event: CustomStringConvertible {
        case comes(ByteBuffer)
        /// It comes while the turn of the loop is full.
        case comesTooLate(ByteBuffer)
        case turnComes
        case peerEndsItsSide
        /// Something has to be decided first.
        case holds
        case releases
        /// We wish to close.
        case closes
        /// All is with the kernel.
        case allWritten
        case timePasses(TimeAmount)
        case falls(behindBy: Int)
        case queues(Int)
        case socketTakes
        case transportEnds

        /// Frames in one read.
        static func reads(_ frames: ByteBuffer...) -> Event { .comes(ClientFrame.joined(frames)) }
        static func readsTooLate(_ frames: ByteBuffer...) -> Event { .comesTooLate(ClientFrame.joined(frames)) }

        var description: String {
            switch self {
            case .comes(let bytes): "\(bytes.readableBytes) bytes come"
            case .comesTooLate(let bytes): "\(bytes.readableBytes) bytes come too late"
            case .turnComes: "turn comes"
            case .peerEndsItsSide: "peer ends its side"
            case .holds: "holds"
            case .releases: "releases"
            case .closes: "closes"
            case .allWritten: "all is written"
            case .timePasses(let time): "\(time) pass"
            case .falls(let bytes): "falls behind by \(bytes)"
            case .queues(let bytes): "queues \(bytes)"
            case .socketTakes: "socket takes"
            case .transportEnds: "transport ends"
            }
        }
    }

    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private(set) var machine: WebSocketConnectionMachine
    private var now = Self.start
    private let share: ScriptedTurn
    private let inflater = SharedInflater()

    init(
        limits: WebSocketLimits = WebSocketLimits(),
        clock: ClockPolicy = ClockPolicy(),
        slowConsumer: SlowConsumerPolicy = SlowConsumerPolicy(),
        compression: PerMessageDeflate? = nil,
        tokenLasts: TimeAmount? = nil,
        share: ScriptedTurn = ScriptedTurn()
    ) {
        self.machine = WebSocketConnectionMachine(
            WebSocketConnectionMachine.Rules(limits: limits, clock: clock, slowConsumer: slowConsumer),
            compression: compression,
            now: Self.start,
            expiry: tokenLasts.map { Self.start + $0 } ?? .distantFuture
        )
        self.share = share
    }

    /// When the machine wants to be told the time next, from now.
    var nextDeadline: TimeAmount? { self.machine.nextDeadline(lastSent: Self.start).map { $0 - self.now } }

    /// - Returns: What the machine says to it.
    mutating func tell(_ event: Event) -> [String] {
        switch event {
        case .comes(let bytes):
            return self.arrive(bytes, isTurnFull: false)
        case .comesTooLate(let bytes):
            return self.arrive(bytes, isTurnFull: true)
        case .turnComes:
            return self.machine.beginTurn().map { self.process($0) } ?? ["nothing"]
        case .peerEndsItsSide:
            self.machine.inputClosed()
            return self.machine.isInputOver ? ["end transport"] : ["nothing"]
        case .holds:
            self.machine.hold()
            return []
        case .releases:
            self.machine.release()
            return self.machine.takeHeld().map { self.process($0) } ?? ["nothing"]
        case .closes:
            return [self.machine.close(at: self.now) ? "goodbye" : "nothing"]
        case .allWritten:
            return [Self.words(self.machine.allWritten())]
        case .timePasses(let time):
            self.now = self.now + time
            return [Self.words(self.machine.timePassed(to: self.now, lastSent: Self.start))]
        case .falls(let bytes):
            let piece = self.withChunk(bytes) { $0.fellBehind($1, messages: 1, written: 0, at: $2) }
            return [piece.map { "write \($0.readableBytes)" } ?? "nothing"]
        case .queues(let bytes):
            return [self.withChunk(bytes) { $0.enqueue($1[...], messages: 1, at: $2) } ? "expel" : "wait"]
        case .socketTakes:
            return [self.machine.transportWrote(at: self.now).map { "write \($0.readableBytes)" } ?? "caught up"]
        case .transportEnds:
            self.machine.transportEnded()
            return []
        }
    }

    private mutating func arrive(_ bytes: ByteBuffer, isTurnFull: Bool) -> [String] {
        // Frames are unmasked where they lie, and the table keeps its bytes.
        let bytes = ByteBuffer(bytes: bytes.readableBytesView)
        switch self.machine.arrived(bytes, at: self.now, isTurnFull: isTurnFull) {
        case .read: return self.process(bytes)
        case .waitForTurn: return ["wait for turn"]
        case .wait: return ["wait"]
        }
    }

    private mutating func process(_ bytes: ByteBuffer) -> [String] {
        var reading = WebSocketConnectionMachine.Reading(bytes, at: self.now)
        var turn = self.share
        var said: [String] = []
        while true {
            let step = self.machine.next(&reading, turn: &turn, inflater: self.inflater)
            said.append(Self.words(step))
            switch step {
            case .done, .unfinished, .hold, .yield:
                if self.machine.isInputOver { said.append("end transport") }
                return said
            case .deliver(_, let message) where String(buffer: message) == "join":
                self.machine.hold()
            case .deliver(_, let message) where String(buffer: message) == "kick":
                said += self.tell(.closes)
            default:
                break
            }
        }
    }

    private mutating func withChunk<Result>(
        _ count: Int,
        _ body: (inout WebSocketConnectionMachine, ContiguousArray<UnsafeRawBufferPointer>, NIODeadline) -> Result
    ) -> Result {
        // A binary frame by its first byte.
        let bytes: [UInt8] = [0x82] + [UInt8](repeating: 0, count: count - 1)
        let now = self.now
        return bytes.withUnsafeBytes { body(&self.machine, [$0], now) }
    }

    // MARK: Words

    private static func words(_ step: WebSocketConnectionMachine.Step) -> String {
        switch step {
        case .done: "done"
        case .unfinished: "unfinished"
        case .hold: "hold"
        case .yield: "yield"
        case .deliver(.text, let message): "text \(String(buffer: message))"
        case .deliver(.binary, let message): "binary \(message.readableBytes)"
        case .pong(let payload): "pong \(String(buffer: payload))"
        case .leave(let end): "leave: \(end)"
        case .answerClose(let code): "answer close \(code.map { "\($0.rawValue)" } ?? "-")"
        case .fail(let failure): "fail \(failure.code.rawValue) \(failure.kind.rawValue)"
        case .watchWrites: "watch writes"
        case .end: "end when written"
        }
    }

    private static func words(_ after: WebSocketConnectionMachine.AfterWriting) -> String {
        switch after {
        case .nothing: "nothing"
        case .end: "end transport"
        case .shutOutput: "shut output"
        }
    }

    private static func words(_ due: WebSocketConnectionMachine.Due) -> String {
        switch due {
        case .nothing: "nothing"
        case .ping: "ping"
        case .close(let reason): "close: \(reason.label)"
        case .expel: "expel"
        case .end: "end transport"
        }
    }
}
