/// Why the connection had to be failed (RFC 6455 §7.1.7): what to put into the close frame, and what to count.
public struct WebSocketFailure: Error, Equatable, Sendable {
    /// The broken rule. A fixed set without anything from the peer, so the raw value is safe as a metric label.
    public enum Kind: String, Sendable, CaseIterable {
        case reservedBits = "reserved_bits"
        case reservedOpcode = "reserved_opcode"
        case notMasked = "not_masked"
        case masked = "masked"
        case fragmentedControl = "fragmented_control"
        case controlTooLong = "control_too_long"
        case lengthEncoding = "length_encoding"
        case unexpectedContinuation = "unexpected_continuation"
        case expectedContinuation = "expected_continuation"
        case invalidClose = "invalid_close"
        case invalidUTF8 = "invalid_utf8"
        case frameTooBig = "frame_too_big"
        case messageTooBig = "message_too_big"
        case tooManyFragments = "too_many_fragments"
        case corruptCompression = "corrupt_compression"
        case outOfMemory = "out_of_memory"
    }

    public var kind: Kind
    public var code: WebSocketCloseCode
    /// A short English sentence: what was expected and what came. At most 123 bytes of UTF-8; numbers are the only
    /// thing in it that a peer chooses.
    public var reason: String

    /// - Parameter reason: At most 123 bytes of UTF-8.
    public init(kind: Kind, code: WebSocketCloseCode, reason: String) {
        self.kind = kind
        self.code = code
        self.reason = reason
    }
}
