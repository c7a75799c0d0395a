public import NIOCore

/// Cuts a stream of WebSocket frames into whole messages, for those who pass messages on and read none of them.
///
/// The bytes of a message stay as they came: masked, compressed, in as many frames as their sender chose.
public struct MessageSplitter: Sendable {
    public enum Piece: Sendable, Equatable {
        /// A whole text or binary message with all its frames, at most ``MessageSplitter/maximumMessageBytes``.
        case message(ByteBuffer)
        /// A whole control frame. One that came between the frames of a message comes before the message here.
        case control(WebSocketOpcode, ByteBuffer)
        /// Part of a message that is longer; they follow each other up to the one that is the end.
        case part(ByteBuffer, isEnd: Bool)
        /// No WebSocket (RFC 6455 §5.2), or a frame where none may be: everything from here on, uncut.
        case other(ByteBuffer)
    }

    /// A message that is being passed on in parts.
    private struct Passing {
        /// Bytes of the present frame that are still to come.
        var frameBytes: Int
        var isLastFrame: Bool
    }

    public let maximumMessageBytes: Int
    private let sender: WebSocketRole
    private var pending = ByteBuffer()
    /// The whole frames of a message whose end has not come.
    private var frames: ByteBuffer?
    private var passing: Passing?
    private var isOther = false

    /// - Parameters:
    ///   - sender: Who sends the stream: clients mask, servers do not (§5.1).
    ///   - maximumMessageBytes: With headers; longer ones are not held until they are whole.
    public init(sender: WebSocketRole, maximumMessageBytes: Int) {
        self.sender = sender
        self.maximumMessageBytes = maximumMessageBytes
    }

    /// Whether the stream stands between two messages, with nothing of the next one passed on.
    public var isBetweenMessages: Bool { self.passing == nil && !self.isOther }

    /// Bytes that wait for the rest of their frame or message.
    public var heldBytes: Int { self.pending.readableBytes + (self.frames?.readableBytes ?? 0) }

    public mutating func append(_ bytes: ByteBuffer) {
        if self.pending.readableBytes == 0 {
            self.pending = bytes
        } else {
            self.pending.discardReadBytes()
            self.pending.writeImmutableBuffer(bytes)
        }
    }

    /// - Returns: The next piece; `nil` until more bytes are there.
    public mutating func next() -> Piece? {
        while self.pending.readableBytes > 0 {
            if self.isOther { return .other(self.frames.take() ?? self.take(self.pending.readableBytes)) }
            if let passing = self.passing, passing.frameBytes > 0 { return self.pass(passing) }
            guard let (header, size) = self.header() else { return self.isOther ? self.next() : nil }
            // The sender says how long it is, up to the largest number that there is.
            let (sum, isBeyond) = size.addingReportingOverflow(header.payloadBytes)
            let length = isBeyond ? Int.max : sum
            if header.opcode.isControl {
                guard self.pending.readableBytes >= length else { return nil }
                return .control(header.opcode, self.take(length))
            }
            guard (header.opcode == .continuation) == (self.frames != nil || self.passing != nil) else {
                self.isOther = true
                continue
            }
            if self.passing != nil {
                self.passing = Passing(frameBytes: length, isLastFrame: header.fin)
                continue
            }
            let held = self.frames?.readableBytes ?? 0
            guard length <= self.maximumMessageBytes - held else {
                self.passing = Passing(frameBytes: length, isLastFrame: header.fin)
                if let frames = self.frames.take() { return .part(frames, isEnd: false) }
                continue
            }
            guard self.pending.readableBytes >= length else { return nil }
            let frame = self.take(length)
            if self.frames == nil, header.fin { return .message(frame) }
            self.frames.append(frame)
            if header.fin, let message = self.frames.take() { return .message(message) }
        }
        return nil
    }

    private mutating func header() -> (FrameHeader, size: Int)? {
        do throws(Violation) {
            // The header is checked by whoever gets it; the sender of it only decides about its mask.
            let role: WebSocketRole = self.sender == .client ? .server : .client
            return try self.pending.withUnsafeReadableBytes { bytes throws(Violation) in
                try FrameHeader.parse(bytes, role: role, allowsCompression: true)
            }
        } catch {
            self.isOther = true
            return nil
        }
    }

    private mutating func pass(_ passing: Passing) -> Piece {
        let count = min(passing.frameBytes, self.pending.readableBytes)
        let isEnd = passing.isLastFrame && count == passing.frameBytes
        self.passing = isEnd ? nil : Passing(frameBytes: passing.frameBytes - count, isLastFrame: passing.isLastFrame)
        return .part(self.take(count), isEnd: isEnd)
    }

    private mutating func take(_ count: Int) -> ByteBuffer {
        self.pending.readSlice(length: count) ?? ByteBuffer()
    }
}

extension ByteBuffer? {
    fileprivate mutating func append(_ bytes: ByteBuffer) {
        // A copy: to hold a few bytes is not to hold all that was read with them.
        var buffer = self ?? ByteBufferAllocator().buffer(capacity: bytes.readableBytes)
        self = nil
        buffer.writeImmutableBuffer(bytes)
        self = buffer
    }
}
