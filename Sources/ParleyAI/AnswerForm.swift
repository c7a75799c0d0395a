internal import NIOCore

/// What the body of an answer is, whatever its Content-Type says: its first byte tells.
///
/// Providers send JSON to those who have asked for a stream, errors above all, and proxies before them send pages.
enum AnswerForm: Equatable {
    case events
    case json
    /// A page, for instance.
    case neither

    /// - Returns: `nil`: nothing but space so far.
    init?(beginningWith bytes: ByteBuffer) {
        var bytes = bytes.readableBytesView
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        switch bytes.first(where: { $0 != UInt8(ascii: " ") && !(9...13).contains($0) }) {
        case nil: return nil
        case UInt8(ascii: "{"), UInt8(ascii: "["): self = .json
        case UInt8(ascii: "<"): self = .neither
        default: self = .events
        }
    }
}
