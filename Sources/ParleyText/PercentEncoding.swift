/// Percent-encoding of RFC 3986 §2.1, over the bytes of UTF-8.
package enum PercentEncoding {
    /// - Parameter plusIsSpace: As in queries of forms (WHATWG URL §5.1).
    /// - Returns: `nil` when an escape is broken or the result is not UTF-8.
    package static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        guard self.hasEscapes(text, plusIsSpace) else { return String(text) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var isWhole = true
        self.decode(text, plusIsSpace, into: &bytes, broken: &isWhole)
        return isWhole ? String(validating: bytes, as: UTF8.self) : nil
    }

    /// The same of text that somebody has to be served by however it was written: an escape that is broken is left as it is, and
    /// bytes that are no UTF-8 become U+FFFD, as browsers and Node read queries (WHATWG URL §1.3, §5.1).
    package static func decodeLeniently(_ text: Substring, plusIsSpace: Bool = false) -> String {
        guard self.hasEscapes(text, plusIsSpace) else { return String(text) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var isWhole = true
        self.decode(text, plusIsSpace, into: &bytes, broken: &isWhole)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hasEscapes(_ text: Substring, _ plusIsSpace: Bool) -> Bool {
        text.utf8.contains { $0 == UInt8(ascii: "%") || plusIsSpace && $0 == UInt8(ascii: "+") }
    }

    /// - Parameter broken: Becomes `false` where an escape is none.
    private static func decode(
        _ text: Substring,
        _ plusIsSpace: Bool,
        into bytes: inout [UInt8],
        broken isWhole: inout Bool
    ) {
        var rest = text.utf8
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                var digits = rest
                if let high = digits.popFirst().flatMap(Hexadecimal.value),
                    let low = digits.popFirst().flatMap(Hexadecimal.value)
                {
                    bytes.append(high << 4 | low)
                    rest = digits
                } else {
                    bytes.append(byte)
                    isWhole = false
                }
            case UInt8(ascii: "+") where plusIsSpace:
                bytes.append(UInt8(ascii: " "))
            default:
                bytes.append(byte)
            }
        }
    }

    /// Encodes every byte but those that may stay: the unreserved ones, if nothing else is said. Digits are in upper case (§2.1).
    package static func encode(
        _ text: some StringProtocol,
        keeping isKept: (UInt8) -> Bool = { $0.isUnreserved }
    ) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if isKept(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(Hexadecimal.upperDigit(byte >> 4))
                bytes.append(Hexadecimal.upperDigit(byte))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
