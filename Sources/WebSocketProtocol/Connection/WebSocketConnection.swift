public import NIOCore

/// The state machine of one connection: bytes in; messages, pings and the end out (RFC 6455, RFC 7692).
///
/// It parses and unmasks frames, puts messages together and inflates them, checks every rule and the limits, and knows
/// where in the close handshake the connection is. It never answers by itself: what has to be sent is said by the
/// action.
///
/// ```swift
/// while true {
///     switch connection.receive(&input, inflater: inflater) {
///     case .message(let kind, let payload): …
///     case .hasMoreInput: continue
///     case .needsMoreInput: return
///     …
///     }
/// }
/// ```
///
/// An idle connection is a few words and no heap. A copy shares the unfinished message with its original: keep one.
public struct WebSocketConnection {
    /// Where in its life a connection is.
    public enum State: Sendable {
        /// Both sides may send.
        case open
        /// We have sent a close frame and wait for the peer's. What comes before it is parsed and dropped.
        case closing
        /// Both close frames were seen, or the peer's was, or the peer broke a rule. All input is discarded.
        case closed
    }

    /// What ``receive(_:inflater:)`` asks the caller to do.
    public enum ReceiveAction: Equatable, Sendable {
        /// `input` is used up; call again after the next read.
        case needsMoreInput
        /// ``WebSocketConnection/maximumFramesAtOnce`` frames have completed nothing, as fragments, and there are more: call again,
        /// at once or when others have had their turn.
        case hasMoreInput
        /// A complete message, inflated, and valid UTF-8 when it is text.
        case message(WebSocketMessageKind, ByteBuffer)
        /// Answer with a pong of the same bytes (RFC 6455 §5.5.3).
        case ping(ByteBuffer)
        case pong(ByteBuffer)
        /// The peer closes and we had not: send a close frame with ``closeReply``, then end the transport.
        ///
        /// The code is `nil` when the frame had none (reported to applications as 1005, RFC 6455 §7.1.5).
        case peerClosed(WebSocketCloseCode?, reason: String)
        /// The peer answered our close frame, or broke a rule instead: end the transport, send nothing.
        case closeCompleted
        /// The peer broke a rule: send a close frame with the failure's code and reason, then end the transport.
        case failed(WebSocketFailure)
    }

    /// Frames that are taken in one call, when none of them completes anything: a message may have fragments without number.
    public static let maximumFramesAtOnce = 16

    let configuration: WebSocketConfiguration
    var unfinished: Unfinished?
    /// The peer's compression history; only with context takeover, and only after its first compressed message.
    var peerContext: InflateStream?
    let compression: PerMessageDeflate?
    private var peerCloseCode: WebSocketCloseCode?
    let role: WebSocketRole
    public private(set) var state = State.open

    /// - Parameters:
    ///   - configuration: Shared by all connections with the same limits.
    ///   - compression: What the handshake agreed on; `nil` makes RSV1 a protocol error.
    public init(role: WebSocketRole, configuration: WebSocketConfiguration, compression: PerMessageDeflate? = nil) {
        self.role = role
        self.configuration = configuration
        self.compression = compression
    }

    /// A connection with limits of its own, for clients and tests.
    public init(role: WebSocketRole, limits: WebSocketLimits, compression: PerMessageDeflate? = nil) {
        self.init(role: role, configuration: WebSocketConfiguration(limits: limits), compression: compression)
    }

    /// The code for the close frame that answers ``ReceiveAction/peerClosed(_:reason:)``: the peer's own, as RFC 6455
    /// §5.5.1 suggests, or `nil` for a frame without payload.
    public var closeReply: WebSocketCloseCode? { self.peerCloseCode }

    /// True while a header, frame or fragmented message has begun and not ended: the host may put a deadline on it.
    public var isMidMessage: Bool { self.unfinished != nil }

    /// Whether a message has begun and not ended; a control frame is none.
    public var hasUnfinishedMessage: Bool { self.unfinished?.message != nil }

    /// Payload bytes that have arrived of the unfinished message, as they were on the wire.
    public var unfinishedMessageBytes: Int { self.unfinished?.message?.payload.readableBytes ?? 0 }

    /// Memory held for the unfinished message, in bytes. At most about twice what has arrived of it.
    public var bufferedBytes: Int {
        guard let unfinished = self.unfinished else { return 0 }
        return unfinished.control.capacity + (unfinished.message?.payload.capacity ?? 0)
    }

    /// Takes bytes from `input` up to the end of the first complete event. Call again until it returns
    /// ``ReceiveAction/needsMoreInput``, after which `input` is empty.
    ///
    /// Payload is unmasked in place, and a message that lies in `input` as one uncompressed frame is returned as a
    /// slice of it, without a copy. The unread part of `input`'s storage is therefore written to even if other buffers
    /// refer to the same storage: NIO's pool of receive buffers always does, and copying on write would double the cost
    /// of each read. Slices returned earlier are not affected.
    ///
    /// - Parameters:
    ///   - input: Read from the transport, and not looked at by anybody else.
    ///   - inflater: The event loop's inflater, used for a compressed message without context takeover. Without one,
    ///     such a message costs the making of an inflater.
    public mutating func receive(_ input: inout ByteBuffer, inflater: SharedInflater?) -> ReceiveAction {
        do throws(Violation) {
            var frames = 0
            while self.state != .closed {
                guard input.readableBytes > 0 else { return .needsMoreInput }
                if frames == Self.maximumFramesAtOnce { return .hasMoreInput }
                guard let header = try self.nextFrame(&input) else { continue }
                if let action = try self.receivePayload(of: header, from: &input, inflater: inflater) { return action }
                frames += 1
            }
        } catch {
            return self.fail(error)
        }
        input.moveReaderIndex(to: input.writerIndex)
        return .needsMoreInput
    }

    /// Begins the close handshake: the caller sends a close frame.
    ///
    /// A message in progress is dropped; frames that still arrive are read only to find the peer's close.
    /// - Returns: False when a close frame was already sent or must not be sent any more: there is nothing to send.
    public mutating func beginClose() -> Bool {
        guard self.state == .open else { return false }
        self.state = .closing
        self.peerContext = nil
        if let unfinished = self.unfinished {
            unfinished.message = nil
            if unfinished.frame?.opcode != .close { unfinished.control = ByteBuffer() }
            self.forgetIfEmpty(unfinished)
        }
        return true
    }
}

extension WebSocketConnection {
    /// The header of the frame whose payload comes next in `input`, or `nil` when `input` ended before.
    private mutating func nextFrame(_ input: inout ByteBuffer) throws(Violation) -> FrameHeader? {
        if let frame = self.unfinished?.frame { return frame }
        guard let header = try self.readHeader(&input) else { return nil }
        try self.admit(header)
        return header
    }

    private mutating func readHeader(_ input: inout ByteBuffer) throws(Violation) -> FrameHeader? {
        let role = self.role
        let allowsCompression = self.compression != nil
        var parsed: (FrameHeader, Int)?
        if let unfinished = self.unfinished, unfinished.headerBytes.count > 0 {
            parsed = try input.withUnsafeReadableBytes { bytes throws(Violation) in
                try unfinished.headerBytes.parse(appending: bytes, role: role, allowsCompression: allowsCompression)
            }
            self.forgetIfEmpty(unfinished)
        } else {
            parsed = try input.withUnsafeReadableBytes { bytes throws(Violation) in
                try FrameHeader.parse(bytes, role: role, allowsCompression: allowsCompression)
            }
            if parsed == nil {
                let unfinished = self.makeUnfinished()
                _ = try input.withUnsafeReadableBytes { bytes throws(Violation) in
                    try unfinished.headerBytes.parse(appending: bytes, role: role, allowsCompression: allowsCompression)
                }
            }
        }
        guard let (header, size) = parsed else {
            input.moveReaderIndex(to: input.writerIndex)
            return nil
        }
        input.moveReaderIndex(forwardBy: size)
        return header
    }

    /// The rules that need to know what came before, and the limits (RFC 6455 §5.4, §10.4).
    private func admit(_ header: FrameHeader) throws(Violation) {
        // While closing, data is dropped unseen: it belongs to no message and costs no memory.
        guard self.state == .open, !header.opcode.isControl else { return }
        let limits = self.configuration.limits
        let message = self.unfinished?.message
        if let message {
            guard header.opcode == .continuation else { throw .expectedContinuation(header.opcode) }
            if limits.maximumFragments > 0, message.fragments >= limits.maximumFragments {
                throw .tooManyFragments(limit: limits.maximumFragments)
            }
        } else if header.opcode == .continuation {
            throw .unexpectedContinuation
        }
        if limits.maximumFrameBytes > 0, header.payloadBytes > limits.maximumFrameBytes {
            throw .frameTooBig(bytes: header.payloadBytes, limit: limits.maximumFrameBytes)
        }
        let compressed = message?.compressed ?? header.compressed
        let permitted = compressed ? self.configuration.maximumCompressedBytes : limits.maximumMessageBytes
        if header.payloadBytes > permitted - (message?.payload.readableBytes ?? 0) {
            throw .messageTooBig(limit: limits.maximumMessageBytes)
        }
    }

    /// Takes what `input` has of a frame's payload.
    private mutating func receivePayload(
        of header: FrameHeader,
        from input: inout ByteBuffer,
        inflater: SharedInflater?
    ) throws(Violation) -> ReceiveAction? {
        let isFirstPiece = self.unfinished?.frame == nil
        let received = isFirstPiece ? 0 : self.unfinished?.frameBytesReceived ?? 0
        let count = min(input.readableBytes, header.payloadBytes - received)
        let isLast = received + count == header.payloadBytes
        guard self.state == .open || header.opcode == .close else {
            input.moveReaderIndex(forwardBy: count)
            self.advance(header, to: isLast ? nil : received + count)
            return nil
        }
        let bytes = input.readUnmasking(count, mask: header.mask, phase: received)
        if isLast, isFirstPiece {
            return try self.receiveFrame(header, payload: bytes, inflater: inflater)
        }

        let unfinished = self.makeUnfinished()
        if header.opcode.isControl {
            unfinished.control.writeImmutableBuffer(bytes)
        } else {
            try self.append(bytes, of: header, isFirstPiece: isFirstPiece, to: unfinished)
        }
        self.advance(header, to: isLast ? nil : received + count)
        guard isLast else { return nil }
        if header.opcode.isControl {
            let payload = unfinished.control
            unfinished.control = ByteBuffer()
            return try self.receiveControl(header.opcode, payload: payload)
        }
        return header.fin ? try self.finishMessage(inflater: inflater) : nil
    }

    /// A frame whose whole payload was in one read.
    private mutating func receiveFrame(
        _ header: FrameHeader,
        payload: ByteBuffer,
        inflater: SharedInflater?
    ) throws(Violation) -> ReceiveAction? {
        if header.opcode.isControl {
            return try self.receiveControl(header.opcode, payload: payload)
        }
        if header.fin, header.opcode != .continuation {
            let kind: WebSocketMessageKind = header.opcode == .text ? .text : .binary
            if header.compressed {
                return .message(kind, try self.inflate(payload, kind: kind, inflater: inflater))
            }
            if kind == .text {
                let isText = payload.withUnsafeReadableBytes { UTF8Validator.isValid($0) }
                guard isText else { throw .textNotUTF8 }
            }
            return .message(kind, payload)
        }
        try self.append(payload, of: header, isFirstPiece: true, to: self.makeUnfinished())
        return header.fin ? try self.finishMessage(inflater: inflater) : nil
    }

    private func append(
        _ bytes: ByteBuffer,
        of header: FrameHeader,
        isFirstPiece: Bool,
        to unfinished: Unfinished
    ) throws(Violation) {
        if unfinished.message == nil {
            unfinished.message = UnfinishedMessage(header)
        } else if isFirstPiece {
            unfinished.message?.fragments += 1
        }
        try unfinished.message?.append(bytes)
    }

    private mutating func finishMessage(inflater: SharedInflater?) throws(Violation) -> ReceiveAction? {
        guard let message = self.unfinished?.message else { return nil }
        self.unfinished = nil
        if message.compressed {
            return .message(message.kind, try self.inflate(message.payload, kind: message.kind, inflater: inflater))
        }
        guard message.utf8.isComplete else { throw .textNotUTF8 }
        return .message(message.kind, message.payload)
    }

    private mutating func receiveControl(
        _ opcode: WebSocketOpcode,
        payload: ByteBuffer
    ) throws(Violation) -> ReceiveAction? {
        if let unfinished = self.unfinished { self.forgetIfEmpty(unfinished) }
        switch opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        default: return try self.receiveClose(payload)
        }
    }

    /// RFC 6455 §5.5.1.
    private mutating func receiveClose(_ payload: ByteBuffer) throws(Violation) -> ReceiveAction {
        var payload = payload
        let code = payload.readInteger(as: UInt16.self)
        if code == nil, payload.readableBytes > 0 { throw .closePayloadOfOneByte }
        if let code, !WebSocketCloseCode(rawValue: code).isAllowedOnTheWire { throw .closeCode(code) }
        let isText = payload.withUnsafeReadableBytes { UTF8Validator.isValid($0) }
        guard isText else { throw .closeReasonNotUTF8 }
        if self.end() == .closing { return .closeCompleted }
        self.peerCloseCode = code.map(WebSocketCloseCode.init(rawValue:))
        return .peerClosed(self.peerCloseCode, reason: String(buffer: payload))
    }

    private mutating func fail(_ violation: Violation) -> ReceiveAction {
        // Our close frame is out, a second one must not follow, and no answer can be found in a broken stream.
        if self.end() == .closing { return .closeCompleted }
        return .failed(WebSocketFailure(violation))
    }

    /// Releases everything. Returns the state before.
    private mutating func end() -> State {
        let before = self.state
        self.state = .closed
        self.unfinished = nil
        self.peerContext = nil
        return before
    }

    /// Notes how much of the frame's payload was seen; `nil` when the frame is complete.
    private mutating func advance(_ header: FrameHeader, to received: Int?) {
        if let received {
            let unfinished = self.makeUnfinished()
            unfinished.frame = header
            unfinished.frameBytesReceived = received
        } else if let unfinished = self.unfinished {
            unfinished.frame = nil
            unfinished.frameBytesReceived = 0
            self.forgetIfEmpty(unfinished)
        }
    }

    private mutating func makeUnfinished() -> Unfinished {
        if let unfinished = self.unfinished { return unfinished }
        let unfinished = Unfinished()
        self.unfinished = unfinished
        return unfinished
    }

    private mutating func forgetIfEmpty(_ unfinished: Unfinished) {
        if unfinished.isEmpty { self.unfinished = nil }
    }
}

extension ByteBuffer {
    /// Reads `count` bytes as a slice after unmasking them where they lie.
    fileprivate mutating func readUnmasking(_ count: Int, mask: UInt32, phase: Int) -> ByteBuffer {
        if mask != 0 {
            // `withUnsafeMutableReadableBytes` would copy the whole storage whenever anybody else refers to it. See the
            // documentation of `receive` for why nobody else can be looking at these bytes.
            self.withUnsafeReadableBytes { bytes in
                let payload = UnsafeMutableRawBufferPointer(mutating: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                WebSocketMask.apply(mask, to: payload, phase: phase)
            }
        }
        return self.readSlice(length: count) ?? ByteBuffer()
    }
}
