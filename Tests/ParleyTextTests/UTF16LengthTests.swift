import ParleyText
import Testing

@Suite struct UTF16LengthTests {
    @Test(
        "Units are counted as JavaScript does",
        arguments: ["", "a", "é", "e\u{301}", "ア", "😀", "4👍é", "\u{10FFFF}\0"]
    )
    func count(text: String) {
        #expect(Array(text.utf8).withUnsafeBytes { UTF16Length.count($0) } == text.utf16.count)
    }

    @Test(
        "A surrogate pair is two units, and is never taken apart",
        arguments: [(0, 0), (1, 1), (2, nil), (3, 5), (4, 7), (5, nil)]
    )
    func surrogates(units: Int, bytes: Int?) {
        #expect(Array("4👍é".utf8).withUnsafeBytes { UTF16Length.bytes(of: units, in: $0) } == bytes)
    }

    @Test("Of what is no text there is never more than there is", arguments: 0...6)
    func noText(units: Int) {
        let bytes: [UInt8] = [0x80, 0xFF, 0xF0, 0xC3]
        let count = bytes.withUnsafeBytes { UTF16Length.bytes(of: units, in: $0) }
        #expect(count.map { $0 <= bytes.count } ?? true)
    }
}
