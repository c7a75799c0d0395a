import NIOCore
import Testing

@testable import ParleyModel

@Suite struct JSONObjectTests {
    @Test("Members come in order, with the bytes of their values as sent")
    func rawRanges() throws {
        let text =
            #" { "n" : 12345678901234567890 , "f":1.0,"e":1E+2, "o": {"z":1, "a":[ 2 ]} ,"s":"\u0041\/","t":true,"u":null} "#
        let members = try Self.members(of: ByteBuffer(string: text))
        #expect(
            members == [
                Found("n", .number, "12345678901234567890"), Found("f", .number, "1.0"), Found("e", .number, "1E+2"),
                Found("o", .object, #"{"z":1, "a":[ 2 ]}"#), Found("s", .string, #""\u0041\/""#),
                Found("t", .bool, "true"),
                Found("u", .null, "null"),
            ]
        )
    }

    @Test("Ranges count from the reader index")
    func readerIndex() throws {
        var buffer = ByteBuffer(string: #"garbage{"a":[1]}"#)
        buffer.moveReaderIndex(forwardBy: 7)
        #expect(try Self.members(of: buffer) == [Found("a", .array, "[1]")])
        #expect(try JSONScanner.scanValue(buffer).range == 0..<9)
    }

    @Test("A scanned value is found without the space around it")
    func trimmed() throws {
        let buffer = ByteBuffer(string: " \t\"x\" \n")
        let value = try JSONScanner.scanValue(buffer)
        #expect(value == JSONValue(kind: .string, range: 2..<5))
        #expect(buffer.slice(of: value) == ByteBuffer(string: "\"x\""))
    }

    @Test("A key is compared after its escapes are undone", arguments: ["text", #"\u0074ext"#, #"t\u0065x\u0074"#])
    func escapedKeys(spelling: String) throws {
        var isText: [Bool] = []
        var strings: [String] = []
        try JSONScanner.scanObject(ByteBuffer(string: "{\"\(spelling)\":1}")) { key, _ in
            isText.append(key == "text")
            strings.append(key.string)
        }
        #expect(isText == [true])
        #expect(strings == ["text"])
    }

    @Test(
        "Keys that only resemble a name are other keys",
        arguments: ["Text", "tex", "text ", "texts", #"text\u0000"#, #"\\u0074ext"#, ""]
    )
    func otherKeys(spelling: String) throws {
        var isText: [Bool] = []
        try JSONScanner.scanObject(ByteBuffer(string: "{\"\(spelling)\":1}")) { key, _ in isText.append(key == "text") }
        #expect(isText == [false])
    }

    @Test("A repeated key is reported each time")
    func repeatedKeys() throws {
        #expect(
            try Self.members(of: ByteBuffer(string: #"{"a":1,"b":2,"\u0061":3}"#))
                == [Found("a", .number, "1"), Found("b", .number, "2"), Found("a", .number, "3")]
        )
    }

    @Test("Only top-level members are reported")
    func topLevel() throws {
        #expect(try Self.members(of: ByteBuffer(string: #"{"a":{"text":1}}"#)).map(\.key) == ["a"])
        #expect(try Self.members(of: ByteBuffer(string: "{}")) == [])
    }

    @Test(
        "JSON of another kind is told apart from what is no JSON",
        arguments: ["[]", "[{}]", "1", "\"{}\"", "null", " true "]
    )
    func notAnObject(text: String) {
        #expect(throws: JSONFailure(reason: .notAnObject, position: 0)) {
            try Self.members(of: ByteBuffer(string: text))
        }
    }

    @Test(
        "What is no JSON is malformed, whatever it begins with",
        arguments: ["", "{", "[", "[}", "{]", "{}{}", "{} x", "hello", "{\"a\":01}"]
    )
    func malformed(text: String) {
        let failure = #expect(throws: JSONFailure.self) { try Self.members(of: ByteBuffer(string: text)) }
        #expect(failure?.reason == .malformed)
    }

    struct Found: Equatable {
        let key: String
        let kind: JSONValue.Kind
        let raw: String

        init(_ key: String, _ kind: JSONValue.Kind, _ raw: String) {
            self.key = key
            self.kind = kind
            self.raw = raw
        }
    }

    private static func members(of buffer: ByteBuffer) throws -> [Found] {
        var found: [Found] = []
        try JSONScanner.scanObject(buffer) { key, value in
            found.append(Found(key.string, value.kind, String(buffer: buffer.slice(of: value))))
        }
        return found
    }
}
