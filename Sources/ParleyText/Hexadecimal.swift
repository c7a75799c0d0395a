/// Bytes as two digits each, the higher half first (RFC 4648 §8).
package enum Hexadecimal {
    @usableFromInline static let lowerDigits: StaticString = "0123456789abcdef"
    @usableFromInline static let upperDigits: StaticString = "0123456789ABCDEF"

    /// The digit for the lower four bits of `value`.
    @inlinable package static func digit(_ value: UInt8) -> UInt8 { self.lowerDigits.utf8Start[Int(value & 15)] }

    /// The same, with A to F in upper case.
    @inlinable package static func upperDigit(_ value: UInt8) -> UInt8 { self.upperDigits.utf8Start[Int(value & 15)] }

    /// What a digit stands for, in either case; `nil`: it is none.
    @inlinable package static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit &- UInt8(ascii: "a") &+ 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit &- UInt8(ascii: "A") &+ 10
        default: nil
        }
    }

    /// In lower case.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.underestimatedCount * 2)
        for byte in bytes {
            text.append(self.digit(byte >> 4))
            text.append(self.digit(byte))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The four digits of a UTF-16 code unit, as they stand behind `\u` in JSON (RFC 8259 §7), in lower case.
    package static func encode(unit: UInt16) -> String {
        self.encode(CollectionOfOne(UInt8(unit >> 8))) + self.encode(CollectionOfOne(UInt8(truncatingIfNeeded: unit)))
    }

    /// White space between the digits is passed over.
    /// - Returns: `nil` for anything that is not pairs of digits of ASCII.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in text.utf8 where !digit.isASCIIWhiteSpace {
            guard let value = self.value(of: digit) else { return nil }
            if let half = high {
                bytes.append(half << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }
}
