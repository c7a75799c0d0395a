internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import WebSocketProtocol

/// When a WebSocket connection does what: a value that is told what arrived, what was written and what time it is.
///
/// The rules of frames are ``WebSocketConnection``'s, those of silence and age ``ConnectionClock``'s, those of slow readers
/// ``Backlog``'s. Here they come together: whether a message is delivered or waits, when reading pauses, how both sides say goodbye,
/// and when the transport ends. What messages mean is no business of it.
///
/// What is to be done comes step by step, not as a list: a step (a message that makes its dialect join, or close) decides about the
/// next one, and nothing is allocated.
struct WebSocketConnectionMachine {
    /// What all connections of a profile have in common; held once for all of them.
    final class Rules: Sendable {
        let frames: WebSocketConfiguration
        let clock: ClockPolicy
        let slowConsumer: SlowConsumerPolicy

        init(limits: WebSocketLimits, clock: ClockPolicy, slowConsumer: SlowConsumerPolicy) {
            self.frames = WebSocketConfiguration(limits: limits)
            self.clock = clock
            self.slowConsumer = slowConsumer
        }
    }

    enum Phase: Equatable {
        case open
        /// What arrives waits until something is decided.
        case holding
        /// A close frame was sent; the transport is ended at the deadline at the latest.
        case lingering(until: NIODeadline)
        /// The transport is ended as soon as everything is written, at the deadline at the latest.
        case ending(until: NIODeadline)
        /// The transport is gone.
        case over
    }

    typealias End = WebSocketEnd

    /// How long a peer may take to answer a close frame, or to take what was written before the end.
    static let lingerTime = TimeAmount.seconds(5)

    let rules: Rules
    var frames: WebSocketConnection
    var clock: ConnectionClock
    /// While a message is not complete.
    var progress: ProgressWatch?
    var phase = Phase.open
    /// What came while something was decided, or beyond a share of the loop's turn.
    var held: ByteBuffer?
    var isWaitingForTurn = false
    /// Whether the peer's side of the transport has ended, behind what is held.
    var isInputClosed = false
    /// Set for a peer that broke a rule: it sees the end of the stream right behind the close frame.
    var shutsOutputWhenWritten = false
    /// What the socket did not take yet.
    var backlog: Backlog?
    /// The 101, until it may be sent.
    private var handshakeAnswer: ByteBuffer?

    /// - Parameter expiry: When the token that opened the connection expires.
    init(
        _ rules: Rules,
        compression: PerMessageDeflate? = nil,
        now: NIODeadline,
        expiry: NIODeadline = .distantFuture
    ) {
        self.rules = rules
        self.frames = WebSocketConnection(role: .server, configuration: rules.frames, compression: compression)
        self.clock = ConnectionClock(policy: rules.clock, now: now, expiry: expiry)
    }

    var isOpen: Bool {
        switch self.phase {
        case .open, .holding: return true
        case .lingering, .ending, .over: return false
        }
    }

    // MARK: The handshake

    /// The handshake is through, but for its answer.
    mutating func begin(answering answer: ByteBuffer) { self.handshakeAnswer = answer }

    /// The handshake may be answered: before anything else is said, and once.
    /// - Returns: What goes out; `nil` when it has.
    mutating func answerHandshake() -> ByteBuffer? { self.handshakeAnswer.take() }

    // MARK: The end

    /// Our own wish to close: a close frame goes out, behind what has begun to be sent, and the peer gets a while to answer.
    /// - Returns: False when a close frame was sent before, or must not be sent any more.
    mutating func close(at now: NIODeadline) -> Bool {
        guard self.phase != .over, self.frames.beginClose() else { return false }
        self.linger(from: now)
        return true
    }

    mutating func linger(from now: NIODeadline) {
        self.progress = nil
        self.backlog?.discardWaiting()
        self.phase = .lingering(until: now + Self.lingerTime)
    }

    /// The transport is gone, and with it everything that waits.
    mutating func transportEnded() {
        self.phase = .over
        self.held = nil
        self.backlog = nil
        self.progress = nil
    }
}

/// Why nothing more will come from the peer.
public enum WebSocketEnd: Equatable, Sendable {
    /// It said goodbye.
    case peerClosed
    /// It broke a rule of the protocol, or a limit.
    case failed
    /// The transport is gone.
    case lost
}
