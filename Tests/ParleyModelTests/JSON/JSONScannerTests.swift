import NIOCore
import Testing

@testable import ParleyModel

/// The cases follow JSONTestSuite (y_: must be accepted, n_: must be refused).
@Suite struct JSONScannerTests {
    static let accepted: [(String, JSONValue.Kind)] = [
        ("[]", .array), ("[[]   ]", .array), ("[\"\"]", .array), ("[\"a\"]", .array), ("[1\n]", .array),
        (" [1]", .array), ("[2] ", .array), ("[1,null,null,null,2]", .array), ("[false]", .array),
        ("[null, 1, \"1\", {}]", .array),
        ("{}", .object), ("{\"\":0}", .object), ("{\"a\":[]}", .object), ("{\"a\":\"b\",\"a\":\"c\"}", .object),
        ("{\"foo\\u0000bar\": 42}", .object), ("{\n\"a\": \"b\"\n}", .object),
        ("\t\r\n { \"a\" : 1 , \"b\" : 2 } \n", .object),
        ("0", .number), ("-0", .number), ("123", .number), ("-1", .number), ("0e+1", .number), ("0e1", .number),
        ("1E22", .number), ("1E-2", .number), ("1E+2", .number), ("123e45", .number), ("123.456e78", .number),
        ("-0.000000000000000000000000000001", .number), ("12345678901234567890", .number), ("1.0", .number),
        ("true", .bool), ("false", .bool), ("null", .null),
        ("\"\"", .string), ("\" \"", .string), ("\"\\u0060\\u012a\\u12AB\"", .string), ("\"\\uD801\\udc37\"", .string),
        ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", .string), ("\"\\\\u0000\"", .string), ("\"a/*b*/c\"", .string),
        ("\"\u{7f}\"", .string),
        ("\"\u{2028}\u{2029}\"", .string), ("\"π€𝄞\"", .string), ("\"\\uDADA\"", .string),
        ("\"\\uDFAA\\uD888\"", .string),
    ]

    static let refused: [String] = [
        "", " ", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[1,,2]", "[1 true]", "[\"a\" \"b\"]", "[\"\": 1]",
        "[1:2]",
        "[\"\",]", "[\"a\"", "[][]", "[]]", "[1]x", "1 2", "[x", "[,]", "[1}", "{\"a\":[1}", "[{]}", "[\"a\n\"]",
        "{\"a\"", "{\"a\":", "{\"a\" 1}", "{\"a\":1,}", "{\"a\":1,,\"b\":2}", "{,}", "{a:1}", "{'a':1}", "{1:1}",
        "{\"a\"::1}",
        "{\"a\":1 \"b\":2}", "{\"a\":1}}", "{\"a\":1}#", "{\"a\":1}/**/", "{\"a\":/*c*/1}", "// c\n{}", "{null:null}",
        "{[]:1}",
        "-", "+1", "--1", "-+1", "01", "-01", "012", "1.", ".1", "-.1", "2.e3", "0.e1", "1e", "1e+", "1E-", "0e",
        "1.0e",
        "0x1", "1a", "1 000", "NaN", "Infinity", "-Infinity", "1_000", "１", "1,",
        "nul", "nulll", "True", "FALSE", "tru", "truth", "fals", "n", "undefined",
        "\"", "\"a", "\"\\\"", "\"\\", "\"\\x00\"", "\"\\u\"", "\"\\u00A\"", "\"\\u00G0\"", "\"\\uD83D\\u\"", "\"\\a\"",
        "\"\\0\"",
        "\"\\U0041\"", "'a'", "a", "\"\t\"", "\"\n\"", "\"\u{0}\"", "\"\u{1f}\"", "\"a\" \"b\"", "\\u0061",
        "\u{feff}{}", "\u{c}[]", "\u{b}[]", "\u{a0}[]", "[]\u{0}", "\u{2060}[]",
    ]

    @Test("Every valid JSON text is accepted, and its kind is told", arguments: accepted)
    func accepts(text: String, kind: JSONValue.Kind) throws {
        #expect(try JSONScanner.scanValue(ByteBuffer(string: text)).kind == kind)
    }

    @Test("Every invalid JSON text is refused as malformed", arguments: refused)
    func refuses(text: String) {
        #expect(Self.failure(of: ByteBuffer(string: text)) == .malformed)
    }

    @Test("What is refused alone is refused inside of an array and as a member, too", arguments: refused)
    func refusesInside(text: String) {
        #expect(Self.failure(of: ByteBuffer(string: "[\(text),1]")) != nil)
        #expect(Self.failure(of: ByteBuffer(string: "{\"k\":\(text),\"l\":1}")) != nil)
    }

    @Test("Every proper prefix of a bracketed text is refused")
    func refusesPrefixes() {
        let text = Array(#"{"a\u0041":[1.5e-3,true,null,"x\\\"y",{"b":[]}],"é":{}}"#.utf8)
        #expect(Self.failure(of: ByteBuffer(bytes: text)) == nil)
        for length in text.indices {
            #expect(Self.failure(of: ByteBuffer(bytes: text[..<length])) == .malformed, "\(length) bytes")
        }
    }

    @Test("A failure says where it is")
    func position() {
        #expect(throws: JSONFailure(reason: .malformed, position: 5)) {
            try JSONScanner.scanValue(ByteBuffer(string: "[1,2 3]"))
        }
        #expect(throws: JSONFailure(reason: .malformed, position: 0)) { try JSONScanner.scanValue(ByteBuffer()) }
        #expect(JSONFailure(reason: .tooDeep, position: 7).description == "JSON nested too deeply at byte 7")
    }

    @Test(
        "No arrangement of JSON's characters can make the scanner read beyond the end",
        arguments: 0..<20 as Range<UInt64>
    )
    func survivesNoise(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet = Array("{}[]\",:\\u0aAeE+-.1 tfnrl\n\u{e9}".utf8)
        for _ in 0..<500 {
            let length = Int.random(in: 0..<24, using: &random)
            let bytes = (0..<length).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            let buffer = ByteBuffer(bytes: bytes)
            if let value = try? JSONScanner.scanValue(buffer) {
                #expect(value.range.lowerBound >= 0 && value.range.upperBound <= bytes.count)
                // What is valid stays valid when only its own bytes are looked at.
                #expect((try? JSONScanner.scanValue(buffer.slice(of: value)))?.kind == value.kind)
            }
        }
    }

    static func failure(of buffer: ByteBuffer) -> JSONFailure.Reason? {
        do throws(JSONFailure) {
            _ = try JSONScanner.scanValue(buffer)
            return nil
        } catch {
            return error.reason
        }
    }
}
