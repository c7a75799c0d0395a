import Testing

@testable import WebSocketProtocol

@Suite struct UTF8ValidatorTests {
    static let validTexts: [[UInt8]] = [
        [], [0x00], [0x7f],
        [0xc2, 0x80], [0xdf, 0xbf],
        [0xe0, 0xa0, 0x80], [0xe1, 0x80, 0x80], [0xec, 0xbf, 0xbf], [0xed, 0x9f, 0xbf], [0xee, 0x80, 0x80],
        [0xef, 0xbf, 0xbe], [0xef, 0xbf, 0xbf],
        [0xf0, 0x90, 0x80, 0x80], [0xf1, 0x80, 0x80, 0x80], [0xf3, 0xbf, 0xbf, 0xbf], [0xf4, 0x8f, 0xbf, 0xbf],
        Array("κόσμε, 日本語, 👩‍👩‍👧, plain".utf8),
    ]

    /// Each is wrong at its last byte and not before.
    static let invalidTexts: [[UInt8]] = [
        // A continuation byte without a lead, bytes that no UTF-8 has.
        [0x80], [0xbf], [0xf5], [0xf8], [0xfe], [0xff],
        // Overlong.
        [0xc0], [0xc1], [0xe0, 0x80], [0xe0, 0x9f], [0xf0, 0x80], [0xf0, 0x8f],
        // Surrogates U+D800 and U+DFFF.
        [0xed, 0xa0], [0xed, 0xbf],
        // Above U+10FFFF.
        [0xf4, 0x90], [0xf4, 0xbf],
        // Something else where a continuation byte must be.
        [0xc2, 0x41], [0xe1, 0x80, 0x41], [0xf1, 0x80, 0x80, 0x41], [0xe1, 0xc2], [0xf1, 0x80, 0xc2],
    ]

    /// Characters cut at each point.
    static let truncatedTexts: [[UInt8]] = [
        [0xc2], [0xe0], [0xe0, 0xa0], [0xed], [0xed, 0x9f], [0xf0], [0xf0, 0x90], [0xf0, 0x90, 0x80], [0xf4],
        [0xf4, 0x8f], [0xf4, 0x8f, 0xbf],
    ]

    /// Lengths around the sixteen bytes that are looked at together.
    static let paddings = [0, 1, 7, 15, 16, 17, 31, 32, 33]

    @Test("Valid text is valid behind and before any amount of ASCII", arguments: validTexts)
    func valid(text: [UInt8]) {
        for padding in Self.paddings {
            let ascii = [UInt8](repeating: 0x61, count: padding)
            #expect((ascii + text).withUnsafeBytes { UTF8Validator.isValid($0) })
            #expect((text + ascii).withUnsafeBytes { UTF8Validator.isValid($0) })
        }
    }

    @Test("Invalid text is refused at its first wrong byte, whole or in pieces", arguments: invalidTexts)
    func invalid(text: [UInt8]) {
        for padding in Self.paddings {
            let ascii = [UInt8](repeating: 0x61, count: padding)
            #expect(!(ascii + text + ascii).withUnsafeBytes { UTF8Validator.isValid($0) })
            let verdicts = (ascii + text).verdicts
            #expect(verdicts.dropLast().allSatisfy { $0 })
            #expect(verdicts.last == false)
        }
    }

    @Test("Truncated text is not wrong yet and not complete", arguments: truncatedTexts)
    func truncated(text: [UInt8]) {
        var validator = UTF8Validator()
        let begun = text.withUnsafeBytes { validator.consume($0) }
        #expect(begun)
        #expect(!validator.isComplete)
        #expect((text + [0x61]).verdicts.last == false)
    }

    @Test("Random bytes are judged as the standard library judges them, split anywhere")
    func random() {
        var random = SeededGenerator(seed: 3)
        // Few different bytes, so that valid sequences come up.
        let alphabet: [UInt8] = [0x61, 0x80, 0x9f, 0xa0, 0xbf, 0xc2, 0xe0, 0xe1, 0xed, 0xf0, 0xf4, 0x8f, 0x90]
        for _ in 0..<20_000 {
            let length = Int.random(in: 1...6, using: &random)
            let text = (0..<length).map { _ in alphabet.randomElement(using: &random)! }
            let expected = String(validating: text, as: UTF8.self) != nil
            #expect(text.withUnsafeBytes { UTF8Validator.isValid($0) } == expected)
            let split = Int.random(in: 0...length, using: &random)
            var validator = UTF8Validator()
            let first = text[..<split].withUnsafeBytes { validator.consume($0) }
            let second = first && text[split...].withUnsafeBytes { validator.consume($0) }
            #expect((second && validator.isComplete) == expected)
        }
    }
}

extension [UInt8] {
    /// What the validator says after each byte when it gets one at a time.
    fileprivate var verdicts: [Bool] {
        var validator = UTF8Validator()
        return self.map { byte in Swift.withUnsafeBytes(of: byte) { validator.consume($0) } }
    }
}
