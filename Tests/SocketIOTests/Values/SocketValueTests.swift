import NIOCore
import ParleyModel
import Testing

@testable import SocketIO

@Suite struct SocketValueTests {
    static let bytes = ByteBuffer(bytes: [1, 2, 3])

    static func raw(_ text: String) -> SocketValue { .json(ByteBuffer(string: text)) }

    @Test("Literals are values")
    func literals() {
        let name = "Ada"
        let value: SocketValue = ["a": [1, 2.5, true, nil, "x"], "b": ["c": [:]], "d": [], "e": "\(name)!"]
        let expected = SocketValue.object([
            "a": .array([.int(1), .double(2.5), .bool(true), .null, .string("x")]), "b": .object(["c": .object([:])]),
            "d": .array([]), "e": .string("Ada!"),
        ])
        #expect(value == expected)
        #expect(value.description == #"{"a":[1,2.5,true,null,"x"],"b":{"c":{}},"d":[],"e":"Ada!"}"#)
    }

    static let equal: [(SocketValue, SocketValue)] = [
        (1, 1.0), (.int(-5), .double(-5)), (0, .double(-0.0)), (["a": 1, "b": 2], ["b": 2, "a": 1]),
        (raw("{\"a\" : 1.0}"), ["a": 1]), (raw("[1]"), raw(" [ 1e0 ]")), ([raw("null")], [nil]),
        (raw("\"\\u0061\""), "a"),
        (.binary(bytes), .binary(bytes)), (raw("1"), raw("1")), (raw("no JSON"), raw("no JSON")),
    ]

    @Test("Values that mean the same are equal", arguments: equal)
    func equality(a: SocketValue, b: SocketValue) {
        #expect(a == b)
        #expect(b == a)
    }

    static let different: [(SocketValue, SocketValue)] = [
        (1, 2), (1, 1.5), (1, "1"), (0, false), (nil, false), (nil, 0), ([], [:]), ([1], [1, 1]), ([1, 2], [2, 1]),
        (["a": 1], ["a": 2]), (["a": 1], ["b": 1]), (["a": 1], ["a": 1, "b": nil]), (.double(.nan), .double(.nan)),
        (.int(.max), .double(0x1p63)), ("e\u{301}", "\u{e9}"), (["e\u{301}": 1], ["\u{e9}": 1]),
        (.binary(bytes), [1, 2, 3]), (raw("[1]"), raw("[2]")), (raw("[1]"), [2]),
        (.binary(bytes), .binary(ByteBuffer(bytes: [1, 2, 4]))),
    ]

    @Test("Values that mean something else are not", arguments: different)
    func inequality(a: SocketValue, b: SocketValue) {
        #expect(a != b)
        #expect(b != a)
    }

    @Test("Each accessor knows its own kind", arguments: [false, true])
    func accessors(isRaw: Bool) throws {
        func make(_ value: SocketValue) -> SocketValue { isRaw ? Self.raw(value.description) : value }
        #expect(make(nil).isNull)
        #expect(!make(0).isNull)
        #expect(make(true).bool == true)
        #expect(make(1).bool == nil)
        #expect(make(1).int == 1)
        #expect(make(5.0).int == 5)
        #expect(make(0.5).int == nil)
        #expect(make(1e19).int == nil)
        #expect(make("1").int == nil)
        #expect(make(0.5).double == 0.5)
        #expect(make(3).double == 3)
        #expect(make(nil).double == nil)
        #expect(make("x").string == "x")
        #expect(make(["x"]).string == nil)
        #expect(make([1, "x"]).array == [1, "x"])
        #expect(make([:]).array == nil)
        #expect(make(["a": 1]).object == ["a": 1])
        #expect(make([]).object == nil)
        #expect(make(nil).binary == nil)
    }

    @Test("Members and elements are found, also in JSON that is not parsed", arguments: [false, true])
    func subscripts(isRaw: Bool) throws {
        let text = #"{"a":[1,{"b":"x"},null],"\u0062":true,"a b":{},"c":1,"c":2}"#
        let value = isRaw ? Self.raw(text) : try SocketValue(json: ByteBuffer(string: text))
        #expect(value["a"]?[1]?["b"] == "x")
        #expect(value["a"]?[0]?.int == 1)
        #expect(value["a"]?[2] == .some(nil))
        #expect(value["a"]?[3] == nil)
        #expect(value["a"]?[-1] == nil)
        #expect(value["b"]?.bool == true)
        #expect(value["a b"] == [:])
        #expect(value["c"] == 2)
        #expect(value["d"] == nil)
        #expect(value[0] == nil)
        #expect(value["c"]?["d"] == nil)
        #expect((isRaw ? Self.raw("[1,2]") : [1, 2])[1] == 2)
        #expect((isRaw ? Self.raw("[1,2]") : [1, 2])["1"] == nil)
    }

    @Test("What is no JSON after all reads as null")
    func brokenRaw() {
        let value = Self.raw("[1,")
        #expect(value.isNull)
        #expect(value[0] == nil)
        #expect(value["a"] == nil)
    }

    @Test("Bytes are found wherever they stand")
    func hasBinary() {
        let bytes = SocketValue.binary(ByteBuffer())
        #expect(bytes.hasBinary)
        #expect(SocketValue.array([1, ["a": [bytes]]]).hasBinary)
        #expect(!SocketValue.array([1, ["a": ["x", Self.raw("{}")]]]).hasBinary)
        #expect(bytes.binary == ByteBuffer())
    }

    @Test("A value is one word more than a buffer at most, as arrays of them are long")
    func size() {
        #expect(MemoryLayout<SocketValue>.stride <= MemoryLayout<ByteBuffer>.stride + 8)
    }
}
