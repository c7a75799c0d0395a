import ParleyText
import Testing

@Suite struct ASCIITests {
    private static func all(_ isOne: (UInt8) -> Bool) -> String {
        String(decoding: (UInt8.min ... .max).filter(isOne), as: UTF8.self)
    }

    private static let digits = "0123456789"
    private static let upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    private static let lower = "abcdefghijklmnopqrstuvwxyz"

    @Test("Each kind has just its bytes")
    func kinds() {
        #expect(Self.all(\.isASCIIDigit) == Self.digits)
        #expect(Self.all(\.isASCIILetter) == Self.upper + Self.lower)
        #expect(Self.all(\.isASCIIAlphanumeric) == Self.digits + Self.upper + Self.lower)
        #expect(Self.all(\.isASCIIWhiteSpace) == "\t\n\u{B}\u{C}\r ")
        #expect(Self.all(\.isOptionalWhiteSpace) == "\t ")
    }

    @Test("A token has all that is visible but delimiters (RFC 9110 §5.6.2)")
    func token() {
        let delimiters = "\"(),/:;<=>?@[\\]{}".utf8
        #expect(Self.all(\.isTokenCharacter) == Self.all { 0x20 < $0 && $0 < 0x7F && !delimiters.contains($0) })
    }

    @Test("Unreserved are letters, digits and four marks (RFC 3986 §2.3)")
    func unreserved() {
        #expect(Self.all(\.isUnreserved) == "-." + Self.digits + Self.upper + "_" + Self.lower + "~")
    }

    @Test("A to Z alone have another case")
    func lowercased() {
        for byte in UInt8.min ... .max {
            let isUpper = Self.upper.utf8.contains(byte)
            #expect(byte.asciiLowercased == (isUpper ? byte + 32 : byte))
        }
    }
}
