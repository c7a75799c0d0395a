internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import WebSocketProtocol

/// A share of a turn of the event loop: what one connection may use before others have theirs.
protocol LoopTurn {
    /// Takes note of a message, or other work, that was dealt with.
    /// - Parameter bytes: As they are after inflation.
    /// - Returns: Whether the share is used up, or the turn.
    mutating func spend(_ bytes: Int) -> Bool
}

/// What arrives: delivered, answered, or kept until it may be.
extension WebSocketConnectionMachine {
    /// What becomes of bytes that have just come.
    enum Arrival: Equatable {
        /// They are dealt with now, with ``next(_:turn:inflater:)``.
        case read
        /// They wait for this connection's turn, and nothing more is read.
        case waitForTurn
        /// They wait behind others.
        case wait
    }

    /// What is to be done about what was read.
    enum Step: Equatable {
        /// Nothing more: all is dealt with.
        case done
        /// As ``done``, but part of a message is kept: it counts as memory, and has a deadline.
        case unfinished
        /// Read no more until ``release()``.
        case hold
        /// The connection has used up its share: it reads no more, and goes on in one of the next turns.
        case yield
        case deliver(MessageKind, ByteBuffer)
        case pong(ByteBuffer)
        /// Nothing more will come of the peer: whoever speaks for it in the hub leaves.
        case leave(End)
        /// Send the close frame that answers the peer's.
        case answerClose(WebSocketCloseCode?)
        /// Send the close frame that says what the peer did wrong.
        case fail(WebSocketFailure)
        /// The last is sent: ``allWritten()`` is to be called as soon as it is with the kernel.
        case watchWrites
        /// As ``watchWrites``, at once: the peer has answered our close frame, which was the last.
        case end
    }

    /// What was read in one piece, on its way through the machine.
    struct Reading {
        fileprivate enum Sequel {
            case read
            case charge(Int)
            case answerClose(WebSocketCloseCode?)
            case endWhenWritten
            case fail(WebSocketFailure)
            case shutWhenWritten
        }

        fileprivate var input: ByteBuffer
        fileprivate let time: NIODeadline
        /// What follows the step that was returned last.
        fileprivate var sequel = Sequel.read

        init(_ input: consuming ByteBuffer, at time: NIODeadline) {
            self.input = input
            self.time = time
        }
    }

    /// Bytes in memory that have come and are not dealt with.
    var unfinishedBytes: Int { self.frames.bufferedBytes + (self.held?.readableBytes ?? 0) }

    /// Whether nothing is to be read from the transport.
    var isReadingPaused: Bool { self.held != nil }

    // MARK: Bytes in

    /// - Parameter isTurnFull: Whether so much was read in this turn of the loop that everybody has to wait.
    mutating func arrived(_ input: ByteBuffer, at now: NIODeadline, isTurnFull: Bool) -> Arrival {
        self.clock.received(at: now)
        if self.held != nil {
            self.held?.writeImmutableBuffer(input)
            return .wait
        }
        guard isTurnFull, input.readableBytes > 0 else { return .read }
        self.held = input
        self.isWaitingForTurn = true
        return .waitForTurn
    }

    /// The next step, to be done before the one after it is asked for, until it is one of the first four.
    mutating func next(
        _ reading: inout Reading,
        turn: inout some LoopTurn,
        inflater: SharedInflater?
    ) -> Step {
        switch reading.sequel {
        case .read: break
        case .charge(let bytes):
            reading.sequel = .read
            if turn.spend(bytes), reading.input.readableBytes > 0 { return self.yield(reading) }
        case .answerClose, .endWhenWritten, .fail, .shutWhenWritten:
            if let step = self.goOn(with: &reading) { return step }
        }
        return self.read(&reading, turn: &turn, inflater: inflater)
    }

    private mutating func read(
        _ reading: inout Reading,
        turn: inout some LoopTurn,
        inflater: SharedInflater?
    ) -> Step {
        while true {
            switch self.phase {
            case .open, .lingering, .ending: break
            case .holding: return self.hold(reading)
            case .over: return .done
            }
            let before = reading.input.readableBytes
            switch self.frames.receive(&reading.input, inflater: inflater) {
            case .message(let kind, let message):
                self.progress = nil
                guard case .open = self.phase else { continue }
                reading.sequel = .charge(message.readableBytes)
                return .deliver(kind == .text ? .text : .binary, message)
            case .needsMoreInput:
                return self.inputEnded()
            case .hasMoreInput:
                if turn.spend(before - reading.input.readableBytes) { return self.yield(reading) }
            case .ping(let payload):
                self.controlFrameEnded()
                reading.sequel = .charge(payload.readableBytes)
                return .pong(payload)
            case .pong:
                self.controlFrameEnded()
                if turn.spend(0), reading.input.readableBytes > 0 { return self.yield(reading) }
            case .peerClosed:
                reading.sequel = .answerClose(self.frames.closeReply)
                return .leave(.peerClosed)
            case .closeCompleted:
                self.phase = .ending(until: reading.time + Self.lingerTime)
                return .end
            case .failed(let failure):
                reading.sequel = .fail(failure)
                return .leave(.failed)
            }
        }
    }

    /// Goodbyes are several steps.
    private mutating func goOn(with reading: inout Reading) -> Step? {
        let sequel = reading.sequel
        reading.sequel = .read
        guard self.phase != .over else { return nil }
        switch sequel {
        case .read, .charge:
            return nil
        case .answerClose(let code):
            reading.sequel = .endWhenWritten
            return .answerClose(code)
        case .endWhenWritten:
            self.phase = .ending(until: reading.time + Self.lingerTime)
            return .watchWrites
        case .fail(let failure):
            self.linger(from: reading.time)
            reading.sequel = .shutWhenWritten
            return .fail(failure)
        case .shutWhenWritten:
            // Nothing that it says will be read, so that our side is shut at once.
            self.shutsOutputWhenWritten = true
            return .watchWrites
        }
    }

    /// A frame between messages is complete; one in the middle of a message is no progress of that.
    private mutating func controlFrameEnded() {
        if self.progress != nil, !self.frames.hasUnfinishedMessage { self.progress = nil }
    }

    /// All that has come is with the frames; they may have kept part of a message.
    private mutating func inputEnded() -> Step {
        guard self.frames.isMidMessage else {
            self.progress = nil
            return .done
        }
        if let timeout = self.rules.clock.frameTimeout {
            let now = self.clock.lastReceived
            var progress = self.progress ?? ProgressWatch(timeout: TimeAmount(timeout), now: now)
            progress.advanced(to: self.frames.unfinishedMessageBytes, now: now)
            self.progress = progress
        }
        return .unfinished
    }

    // MARK: What waits

    /// What arrives waits until ``release()``.
    mutating func hold() { self.phase = .holding }

    mutating func release() {
        if case .holding = self.phase { self.phase = .open }
    }

    private mutating func hold(_ reading: Reading) -> Step {
        guard reading.input.readableBytes > 0 else { return .done }
        self.held = reading.input
        return .hold
    }

    private mutating func yield(_ reading: Reading) -> Step {
        self.held = reading.input
        self.isWaitingForTurn = true
        return .yield
    }

    /// - Returns: What was held, if it may be dealt with now.
    mutating func takeHeld() -> ByteBuffer? { self.isWaitingForTurn ? nil : self.held.take() }

    /// It is this connection's turn.
    /// - Returns: What was held, if it may be dealt with now.
    mutating func beginTurn() -> ByteBuffer? {
        self.isWaitingForTurn = false
        if case .holding = self.phase { return nil }
        return self.held.take()
    }

    /// The peer has ended its side of the transport.
    mutating func inputClosed() { self.isInputClosed = true }

    /// Whether the transport is to be ended because its other side has been, and everything before that is dealt with.
    ///
    /// A WebSocket has no use for one direction alone (RFC 6455 §7.1.1), but what was said before the end counts.
    var isInputOver: Bool { self.isInputClosed && self.held == nil }
}
