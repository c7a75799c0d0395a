/// A broken rule with the numbers that explain it. Trivial to copy and throw; the sentence is only made at the end.
enum Violation: Error, Equatable {
    case reservedBits(UInt8)
    case reservedOpcode(UInt8)
    case notMasked
    case masked
    case fragmentedControl(WebSocketOpcode)
    case controlTooLong(WebSocketOpcode)
    case lengthNotMinimal(Int)
    case lengthOutOfRange
    case unexpectedContinuation
    case expectedContinuation(WebSocketOpcode)
    case closePayloadOfOneByte
    case closeCode(UInt16)
    case closeReasonNotUTF8
    case textNotUTF8
    case frameTooBig(bytes: Int, limit: Int)
    case messageTooBig(limit: Int)
    case tooManyFragments(limit: Int)
    case corruptCompression
    case outOfMemory
}

extension WebSocketFailure {
    init(_ violation: Violation) {
        switch violation {
        // RFC 6455 §5.2, RFC 7692 §6
        case .reservedBits(let bits):
            self.init(.reservedBits, "reserved bits must be 0 here, got \(String(bits >> 4, radix: 2))")
        case .reservedOpcode(let opcode):
            self.init(.reservedOpcode, "opcode \(opcode) is reserved")
        // §5.1
        case .notMasked:
            self.init(.notMasked, "frames from a client must be masked, got one without a mask")
        case .masked:
            self.init(.masked, "frames from a server must not be masked, got one with a mask")
        // §5.5
        case .fragmentedControl(let opcode):
            self.init(.fragmentedControl, "a \(opcode) frame must not be fragmented")
        case .controlTooLong(let opcode):
            self.init(.controlTooLong, "a \(opcode) frame carries at most 125 bytes, got more")
        // §5.2
        case .lengthNotMinimal(let length):
            self.init(.lengthEncoding, "a length of \(length) must be encoded in its shortest form")
        case .lengthOutOfRange:
            self.init(.lengthEncoding, "the most significant bit of a 64-bit length must be 0")
        // §5.4
        case .unexpectedContinuation:
            self.init(.unexpectedContinuation, "got a continuation frame while no message is in progress")
        case .expectedContinuation(let opcode):
            self.init(.expectedContinuation, "expected a continuation frame, got \(opcode)")
        // §5.5.1, §7.4
        case .closePayloadOfOneByte:
            self.init(.invalidClose, "a close frame carries no bytes or at least 2, got 1")
        case .closeCode(let code):
            self.init(.invalidClose, "close code \(code) must not be sent")
        case .closeReasonNotUTF8:
            self.init(.invalidUTF8, "the close reason is not valid UTF-8")
        // §8.1
        case .textNotUTF8:
            self.init(.invalidUTF8, "the text message is not valid UTF-8")
        // §10.4
        case .frameTooBig(let bytes, let limit):
            self.init(.frameTooBig, "frame of \(bytes) bytes exceeds the limit of \(limit)")
        case .messageTooBig(let limit):
            self.init(.messageTooBig, "message exceeds the limit of \(limit) bytes")
        case .tooManyFragments(let limit):
            self.init(.tooManyFragments, "message has too many fragments, the limit is \(limit)")
        // RFC 7692 §7.2.2
        case .corruptCompression:
            self.init(.corruptCompression, "the compressed message is not valid DEFLATE data")
        case .outOfMemory:
            self.init(.outOfMemory, "no memory to decompress the message")
        }
    }

    private init(_ kind: Kind, _ reason: String) {
        self.init(kind: kind, code: kind.code, reason: reason)
    }
}

extension WebSocketFailure.Kind {
    /// The close code that tells the peer (RFC 6455 §7.4.1).
    public var code: WebSocketCloseCode {
        switch self {
        case .reservedBits, .reservedOpcode, .notMasked, .masked, .fragmentedControl, .controlTooLong, .lengthEncoding,
            .unexpectedContinuation, .expectedContinuation, .invalidClose:
            .protocolError
        case .invalidUTF8, .corruptCompression: .invalidPayload
        case .frameTooBig, .messageTooBig: .messageTooBig
        case .tooManyFragments: .policyViolation
        case .outOfMemory: .internalError
        }
    }
}
