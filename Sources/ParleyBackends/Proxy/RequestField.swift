/// What a field of a request is to the proxy, by its name.
///
/// Servers that hand fields on as variables (CGI, RFC 3875 §4.1.18, and what has come of it) cannot tell `X_Verified_Path` from
/// `x-verified-path`, and some turn every other character into `_`: all spellings of a name are that name here.
enum RequestField: Equatable {
    /// Only we may say it, or nobody.
    case own
    /// Says who stands before the sender.
    case forwarding
    case other

    init(_ name: String) {
        let spelling = FieldSpelling(name)
        switch spelling.first {
        case UInt8(ascii: "x"):
            if spelling.begins(with: "x-verified") {
                self = .own
            } else if spelling.begins(with: "x-forwarded") || spelling.isName("x-real-ip") {
                self = .forwarding
            } else {
                self = .other
            }
        case UInt8(ascii: "f"): self = spelling.isName("forwarded") ? .forwarding : .other
        // A variable that is called HTTP_PROXY, too.
        case UInt8(ascii: "p"): self = spelling.isName("proxy") ? .own : .other
        default: self = .other
        }
        if self == .other, !spelling.isUsual, Self.framing.contains(where: { spelling.isName($0) }) { self = .own }
    }

    /// Fields of the connection and of the message's length: under their usual names they are looked at, under others
    /// they have no business here.
    private static let framing: [StaticString] = [
        "connection", "content-length", "host", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ]
}

/// The name of a field, whose case, surrounding space and punctuation say nothing.
struct FieldSpelling {
    private let bytes: Substring.UTF8View
    private let whole: String.UTF8View

    init(_ name: String) {
        let bytes = name.utf8
        self.whole = bytes
        let start = bytes.firstIndex { !Self.isSpace($0) } ?? bytes.endIndex
        let end = bytes.lastIndex { !Self.isSpace($0) }.map { bytes.index(after: $0) } ?? start
        self.bytes = name[start..<end].utf8
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// In lower case, and `-` for all that is neither letter nor digit.
    private static func normal(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
        default: UInt8(ascii: "-")
        }
    }

    var first: UInt8? { self.bytes.first.map(Self.normal) }

    /// Whether it has no punctuation but hyphens, and no space.
    var isUsual: Bool { self.whole.allSatisfy { $0 == UInt8(ascii: "-") || Self.normal($0) != UInt8(ascii: "-") } }

    /// - Parameter name: In lower case.
    func isName(_ name: StaticString) -> Bool {
        self.bytes.count == name.utf8CodeUnitCount && self.begins(with: name)
    }

    /// - Parameter prefix: In lower case.
    func begins(with prefix: StaticString) -> Bool {
        guard self.bytes.count >= prefix.utf8CodeUnitCount else { return false }
        let expected = UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
        return zip(self.bytes, expected).allSatisfy { Self.normal($0) == $1 }
    }
}
