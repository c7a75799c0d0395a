/// Kinds of bytes that grammars of the wire speak of. Of text by its UTF-8: no byte of another character is one of these.
extension UInt8 {
    @inlinable package var isASCIIDigit: Bool { UInt8(ascii: "0") <= self && self <= UInt8(ascii: "9") }

    @inlinable package var isASCIILetter: Bool {
        let lowered = self | 0x20
        return UInt8(ascii: "a") <= lowered && lowered <= UInt8(ascii: "z")
    }

    @inlinable package var isASCIIAlphanumeric: Bool { self.isASCIIDigit || self.isASCIILetter }

    /// A to Z as a to z, all else as it is.
    @inlinable package var asciiLowercased: UInt8 {
        UInt8(ascii: "A") <= self && self <= UInt8(ascii: "Z") ? self | 0x20 : self
    }

    /// Space, tab, and what ends lines and pages.
    @inlinable package var isASCIIWhiteSpace: Bool { self == UInt8(ascii: " ") || 9 <= self && self <= 13 }

    /// `OWS` of RFC 9110 §5.6.3: a space or a tab.
    @inlinable package var isOptionalWhiteSpace: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

    /// `tchar` of RFC 9110 §5.6.2, of which names of fields and tokens consist.
    @inlinable package var isTokenCharacter: Bool {
        switch self {
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: self.isASCIIAlphanumeric
        }
    }

    /// `unreserved` of RFC 3986 §2.3: what means the same in a URL whether it is percent-encoded or not.
    @inlinable package var isUnreserved: Bool {
        switch self {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: self.isASCIIAlphanumeric
        }
    }
}
