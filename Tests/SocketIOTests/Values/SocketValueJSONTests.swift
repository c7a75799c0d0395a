import NIOCore
import ParleyModel
import Testing

@testable import SocketIO

@Suite struct SocketValueJSONTests {
    static let samples: [(text: String, value: SocketValue)] = [
        ("null", .null), ("true", .bool(true)), ("false", .bool(false)), ("0", .int(0)), ("-1", .int(-1)),
        ("9007199254740993", .int(9_007_199_254_740_993)), ("9223372036854775807", .int(.max)),
        ("-9223372036854775808", .int(.min)), ("1.5", .double(1.5)), ("-0.25", .double(-0.25)), ("\"\"", .string("")),
        ("\"a\"", .string("a")), (#""é\n\"\\👍""#, .string("é\n\"\\👍")), ("[]", .array([])), ("{}", .object([:])),
        ("[1,[2,[]],{\"a\":{}}]", .array([.int(1), .array([.int(2), .array([])]), .object(["a": .object([:])])])),
        (
            #"{"z":1,"a":[true,null],"":"x","m":{"b":"","a":0.5}}"#,
            .object([
                "z": .int(1), "a": .array([.bool(true), .null]), "": .string("x"),
                "m": .object(["b": .string(""), "a": .double(0.5)]),
            ])
        ),
    ]

    @Test("JSON without insignificant space is read and written as the same bytes", arguments: samples)
    func bothWays(text: String, value: SocketValue) throws {
        #expect(try Self.parse(text) == value)
        #expect(Self.json(value) == text)
        #expect(Self.json(try Self.parse(text)) == text)
    }

    @Test("Space between tokens means nothing")
    func space() throws {
        let text = " \r\n{ \"a\" :\t[ 1 , \"b\\\\\" ,{ } , [ ] ,-2.5e1 , null] , \"c\" : true }\n"
        #expect(Self.json(try Self.parse(text)) == #"{"a":[1,"b\\",{},[],-25,null],"c":true}"#)
    }

    @Test(
        "A number with a fraction or an exponent, or too large for Int64, is a double",
        arguments: [
            ("1.0", 1.0), ("1e2", 100.0), ("1E+2", 100.0), ("-5e-1", -0.5), ("9223372036854775808", 0x1p63),
            ("-9223372036854775809", -0x1p63), ("123456789012345678901234567890", 123456789012345678901234567890.0),
            ("1e400", .infinity), ("-1e400", -.infinity), ("1e-400", 0.0), ("0.1", 0.1), ("5e-324", 5e-324),
        ]
    )
    func doubles(text: String, expected: Double) throws {
        guard case .double(let value) = try Self.parse(text) else {
            Issue.record("\(text) is no double")
            return
        }
        #expect(value == expected)
    }

    @Test(
        "Doubles are written as JavaScript would read them best",
        arguments: [
            (1.0, "1"), (-3.0, "-3"), (0.0, "0"), (-0.0, "0"), (0.1, "0.1"), (1.0 / 3, "0.3333333333333333"),
            (1e-7, "1e-7"), (1.5e-10, "1.5e-10"), (1e-300, "1e-300"), (1e21, "1e+21"), (1.5e300, "1.5e+300"),
            (9_007_199_254_740_992, "9007199254740992"), (-9_007_199_254_740_992, "-9007199254740992"),
            (5e-324, "5e-324"), (.nan, "null"), (.infinity, "null"), (-.infinity, "null"),
        ]
    )
    func writesDoubles(value: Double, text: String) {
        #expect(Self.json(.double(value)) == text)
    }

    @Test("A finite double survives being written and read, whatever its size", arguments: 0..<8 as Range<UInt64>)
    func doubleRoundTrip(seed: UInt64) throws {
        var bits = seed &* 0x9e37_79b9_7f4a_7c15
        for _ in 0..<500 {
            bits = bits &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = Double(bitPattern: bits)
            guard value.isFinite else { continue }
            #expect(try Self.parse(Self.json(.double(value))).double == value)
        }
    }

    @Test(
        "Escapes are undone",
        arguments: [
            (#""\u0041\/\b\f\n\r\t""#, "A/\u{8}\u{c}\n\r\t"), (#""\ud83d\udc4d""#, "👍"), (#""\\\"""#, "\\\""),
            (#""\ud83d""#, "\u{fffd}"), (#""\u0000""#, "\0"),
        ]
    )
    func escapes(text: String, expected: String) throws {
        #expect(try Self.parse(text) == .string(expected))
        #expect(try Self.parse("{\(text):1}").object?[expected] == 1)
    }

    @Test("A repeated key is kept, and the last one counts")
    func repeatedKeys() throws {
        let value = try Self.parse(#"{"a":1,"b":2,"a":3}"#)
        #expect(value["a"] == 3)
        #expect(value == ["b": 2, "a": 3])
        #expect(Self.json(value) == #"{"a":1,"b":2,"a":3}"#)
    }

    @Test(
        "What is not exactly one JSON value is refused",
        arguments: ["", " ", "[1", "{\"a\"}", "1 2", "01", "nul", "\"", "[1]]"]
    )
    func refused(text: String) {
        let failure = #expect(throws: JSONFailure.self) { try Self.parse(text) }
        #expect(failure?.reason == .malformed)
    }

    @Test("Nesting is bounded")
    func depth() throws {
        let deep = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
        #expect(Self.json(try Self.parse(deep)) == deep)
        let failure = #expect(throws: JSONFailure.self) { try Self.parse("[\(deep)]") }
        #expect(failure?.reason == .tooDeep)
        #expect(throws: JSONFailure.self) { try SocketValue(json: ByteBuffer(string: "[[]]"), maximumDepth: 1) }
    }

    @Test("Bytes of checked JSON are passed on as they came, wherever they stand")
    func raw() {
        let raw = SocketValue.json(ByteBuffer(string: #"{ "n" : 1.0 }"#))
        #expect(Self.json(["a": raw, "b": [raw]]) == #"{"a":{ "n" : 1.0 },"b":[{ "n" : 1.0 }]}"#)
    }

    static func parse(_ text: String) throws(JSONFailure) -> SocketValue {
        try SocketValue(json: ByteBuffer(string: text))
    }

    static func json(_ value: SocketValue) -> String {
        var buffer = ByteBuffer()
        var attachments: [ByteBuffer] = []
        value.writeJSON(into: &buffer, attachments: &attachments)
        #expect(attachments.isEmpty == !value.hasBinary)
        return String(buffer: buffer)
    }
}
