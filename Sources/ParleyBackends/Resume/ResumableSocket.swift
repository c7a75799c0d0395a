public import NIOCore
public import ParleyModel
internal import WebSocketProtocol

/// A client's WebSocket that may outlive the backend at its other end: takes the bytes of both, says what goes where.
///
/// While there is no backend, or one at its end, messages of the client are kept, and go to the next in their order. What the
/// last one has taken is its own: it goes to the next only if its connection was reset, which says that something was left
/// unread, and then from the last message on that a ping behind it proves to be read. Source: docs/session-backends.md,
/// "Resume".
public struct ResumableSocket: Sendable {
    public enum Action: Sendable, Equatable {
        case toClient(ByteBuffer)
        /// To be confirmed by ``ResumableSocket/wrote(_:)`` with their number if `isWhole`: messages, of which none is to be lost.
        case toBackend(ByteBuffer, isWhole: Bool)
        /// The backend has said goodbye and was answered: close its connection behind that.
        case closeBackend
        /// The backend's connection is gone: find out why, and who comes next.
        case findBackend
        /// It is over; both connections are closed. With a reason, the client is told.
        case end(CloseReason?)
    }

    private enum Phase {
        case joined
        /// The backend was asked to end: it may say what it has to say, and is given no more.
        case leaving
        case alone
        case over
    }

    private let policy: ResumePolicy
    private var phase = Phase.joined
    private var client: MessageSplitter
    private var backend: MessageSplitter
    private var unread = UnreadMessages()
    /// Backends in a row that were lost over what they were given.
    private var fruitless = 0
    /// Messages for the next backend.
    private var kept = ByteBuffer()
    /// Whether one of the two has said goodbye, or speaks something else: then the end of a connection is the end of both.
    private var isFinal = false
    private var isClosedByClient = false
    /// The goodbye of a backend that goes away: the client hears it only if no other comes.
    private var farewell: ByteBuffer?

    public init(_ policy: ResumePolicy) {
        self.policy = policy
        self.client = MessageSplitter(sender: .client, maximumMessageBytes: policy.maximumBytes)
        self.backend = MessageSplitter(sender: .server, maximumMessageBytes: policy.maximumBytes)
    }

    /// Whether there is no backend, so that what the client says is kept.
    public var isAlone: Bool { self.phase == .alone }

    /// Both are there.
    public mutating func begin() -> [Action] { self.probe() }

    /// Asks the backend how far it has read.
    private mutating func probe() -> [Action] {
        self.unread.probe().map { [.toBackend($0, isWhole: false)] } ?? []
    }

    public var keptBytes: Int { self.kept.readableBytes }
    /// Everything that is held here for either side.
    public var heldBytes: Int {
        self.kept.readableBytes + self.unread.bytes + self.client.heldBytes + self.backend.heldBytes
    }
    /// Whether the backend has said that it goes away, so that it may be seen to end.
    public var hasFarewell: Bool { self.farewell != nil }
    public var isOver: Bool { self.phase == .over }

    // MARK: The client

    public mutating func clientSent(_ bytes: ByteBuffer) -> [Action] {
        guard self.phase != .over else { return [] }
        self.client.append(bytes)
        var actions: [Action] = []
        while self.phase != .over {
            // Nothing of a message is given to a backend that will not see its end.
            let wasWithin = !self.client.isBetweenMessages
            guard let piece = self.client.next() else { break }
            actions += self.clientSent(piece, wasWithin: wasWithin)
        }
        if self.phase == .joined, !self.isFinal, self.client.isBetweenMessages { actions += self.probe() }
        return actions
    }

    private mutating func clientSent(_ piece: MessageSplitter.Piece, wasWithin: Bool) -> [Action] {
        switch (piece, self.phase) {
        case (_, .over): return []
        case (.message(let message), .joined):
            self.unread.give(message, atMost: self.policy.maximumBytes)
            return [.toBackend(message, isWhole: true)]
        case (.control(let opcode, let frame), .joined):
            if opcode == .close { self.isFinal = true }
            return [.toBackend(frame, isWhole: false)]
        case (.part(let part, _), .joined):
            self.unread.giveUnkept()
            return [.toBackend(part, isWhole: false)]
        case (.other(let bytes), _):
            self.isFinal = true
            return self.phase == .alone ? self.end(nil) : [.toBackend(bytes, isWhole: false)]
        case (.message(let message), _): return self.keep(message)
        case (.control(.close, let frame), _): return self.clientCloses(frame)
        case (.control(_, let frame), .leaving): return [.toBackend(frame, isWhole: false)]
        case (.control(.ping, let frame), .alone): return [.toClient(Self.answer(to: frame, .pong))]
        case (.control, .alone): return []
        case (.part(let part, _), .leaving) where wasWithin: return [.toBackend(part, isWhole: false)]
        case (.part, _): return self.end(.tooMuchToResume)
        }
    }

    /// The goodbye comes after what was said before it, and is answered here where nobody else will.
    private mutating func clientCloses(_ frame: ByteBuffer) -> [Action] {
        if self.kept.readableBytes > 0, !self.isFinal {
            self.isClosedByClient = true
            return self.keep(frame)
        }
        guard self.phase == .leaving, self.farewell == nil else {
            return [.toClient(Self.answer(to: frame, .close))] + self.end(nil)
        }
        self.isFinal = true
        return [.toBackend(frame, isWhole: false)]
    }

    private mutating func keep(_ bytes: ByteBuffer) -> [Action] {
        guard self.kept.readableBytes + bytes.readableBytes <= self.policy.maximumBytes else {
            return self.end(.tooMuchToResume)
        }
        self.kept.writeImmutableBuffer(bytes)
        return []
    }

    /// The client's payload back, in the clear (RFC 6455 §5.5.1, §5.5.3).
    private static func answer(to frame: ByteBuffer, _ opcode: WebSocketOpcode) -> ByteBuffer {
        // A control frame has a header of two bytes and a mask of four.
        var payload = frame
        payload.moveReaderIndex(forwardBy: 2)
        let mask: UInt32 = payload.readInteger() ?? 0
        WebSocketFrame.maskLast(payload.readableBytes, with: mask, in: &payload)
        var answer = ByteBuffer()
        WebSocketFrame.write(opcode, payload: payload, into: &answer)
        return answer
    }

    // MARK: The backend

    public mutating func backendSent(_ bytes: ByteBuffer) -> [Action] {
        guard self.phase == .joined || self.phase == .leaving, self.farewell == nil else { return [] }
        self.backend.append(bytes)
        var actions: [Action] = []
        while self.farewell == nil, self.phase != .over, let piece = self.backend.next() {
            switch piece {
            case .message(let bytes), .part(let bytes, _): actions.append(.toClient(bytes))
            case .other(let bytes):
                self.isFinal = true
                actions.append(.toClient(bytes))
            case .control(.close, let frame): actions += self.backendCloses(frame)
            case .control(.pong, let frame) where self.unread.confirm(frame):
                self.fruitless = 0
                if self.phase == .joined, !self.isFinal, self.client.isBetweenMessages { actions += self.probe() }
            case .control(_, let frame): actions.append(.toClient(frame))
            }
        }
        return actions
    }

    private mutating func backendCloses(_ frame: ByteBuffer) -> [Action] {
        let code = frame.getInteger(at: frame.readerIndex + 2, as: UInt16.self).map(WebSocketCloseCode.init(rawValue:))
        guard !self.isFinal, code == .goingAway || code == .serviceRestart else {
            self.isFinal = true
            return [.toClient(frame)]
        }
        self.farewell = frame
        self.phase = .leaving
        var answer = ByteBuffer()
        // The mask keeps clients from choosing what stands on the wire (§10.3); nothing here is a client's choice.
        WebSocketFrame.writeClose(code: code, reason: "", mask: 0, into: &answer)
        return [.toBackend(answer, isWhole: false), .closeBackend]
    }

    /// The connection to the backend has taken so many bytes of whole messages.
    public mutating func wrote(_ count: Int) { self.unread.wrote(count) }

    /// The backend was asked to end: messages are for the next one from here on.
    public mutating func backendLeaves() {
        // Whoever has said goodbye waits for the answer to it.
        if self.phase == .joined, !self.isFinal { self.phase = .leaving }
    }

    /// The connection to the backend is gone.
    /// - Parameter isReset: Whether something that was written to it is lost (RFC 9293 §3.6, §3.10.7).
    public mutating func backendClosed(isReset: Bool) -> [Action] {
        guard self.phase == .joined || self.phase == .leaving else { return [] }
        // What is half said, in either direction, cannot be finished by somebody else.
        guard !self.isFinal, self.backend.isBetweenMessages else { return self.end(nil) }
        guard self.client.isBetweenMessages else { return self.end(.tooMuchToResume) }
        self.phase = .alone
        guard var left = self.unread.take(isReset: isReset) else { return self.end(.tooMuchToResume) }
        self.fruitless = left.readableBytes > 0 ? self.fruitless + 1 : 0
        left.writeImmutableBuffer(self.kept)
        self.kept = left
        // Perhaps it is a message that ends them.
        guard self.fruitless <= Self.maximumFruitless else { return self.end(.serviceRestart) }
        guard left.readableBytes <= self.policy.maximumBytes else { return self.end(.tooMuchToResume) }
        return [.findBackend]
    }

    private static let maximumFruitless = 5

    /// The next backend speaks WebSocket: it is given what was kept.
    public mutating func backendJoined() -> [Action] {
        guard self.phase == .alone else { return [] }
        self.phase = .joined
        self.backend = MessageSplitter(sender: .server, maximumMessageBytes: self.policy.maximumBytes)
        self.farewell = nil
        // A goodbye among what was kept is the last of it.
        self.isFinal = self.isClosedByClient
        let kept = self.kept
        self.kept = ByteBuffer()
        guard kept.readableBytes > 0 else { return self.probe() }
        self.unread.give(kept, atMost: self.policy.maximumBytes)
        return [.toBackend(kept, isWhole: true)] + (self.isFinal ? [] : self.probe())
    }

    /// The client's connection is gone.
    /// - Returns: Whether to go on until a backend has heard its last words, which it ended with a goodbye.
    public mutating func clientClosed() -> Bool {
        if self.phase == .alone, self.isClosedByClient { return true }
        _ = self.end(nil)
        return false
    }

    /// The client may be here no longer.
    public mutating func revoked() -> [Action] { self.phase == .over ? [] : self.end(nil) }

    /// There is no room to hold more for anybody.
    public mutating func exhausted() -> [Action] { self.phase == .over ? [] : self.end(.tooMuchToResume) }

    /// No backend will come.
    /// - Parameter reason: `nil`: the end is what it would be without anybody between the two.
    public mutating func gaveUp(_ reason: CloseReason?) -> [Action] {
        guard self.phase == .alone else { return [] }
        guard reason == nil, let farewell = self.farewell else { return self.end(reason) }
        return [.toClient(farewell)] + self.end(nil)
    }

    private mutating func end(_ reason: CloseReason?) -> [Action] {
        // A frame within another would be part of it.
        let isHeard = self.backend.isBetweenMessages
        self.phase = .over
        self.kept = ByteBuffer()
        self.unread = UnreadMessages()
        self.client = MessageSplitter(sender: .client, maximumMessageBytes: 0)
        self.backend = MessageSplitter(sender: .server, maximumMessageBytes: 0)
        return [.end(isHeard ? reason : nil)]
    }
}
