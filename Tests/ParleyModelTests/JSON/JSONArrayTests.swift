import NIOCore
import Testing

@testable import ParleyModel

@Suite struct JSONArrayTests {
    @Test("Elements come in order, with their kinds and the bytes as sent")
    func elements() throws {
        let text = #" [ "name" , 1.0,-0,  {"a": [ 1 ]} ,[2, []],true,false,null ] "#
        let elements = try Self.elements(of: ByteBuffer(string: text))
        #expect(
            elements.map(\.text) == [
                #""name""#, "1.0", "-0", #"{"a": [ 1 ]}"#, "[2, []]", "true", "false", "null",
            ]
        )
        #expect(elements.map(\.kind) == [.string, .number, .number, .object, .array, .bool, .bool, .null])
    }

    @Test("An empty array has no elements", arguments: ["[]", " [ ] ", "[\n]"])
    func empty(text: String) throws {
        #expect(try Self.elements(of: ByteBuffer(string: text)).isEmpty)
    }

    @Test("Ranges count from the reader index")
    func readerIndex() throws {
        var buffer = ByteBuffer(string: #"42["a",{}]"#)
        buffer.moveReaderIndex(forwardBy: 2)
        #expect(try Self.elements(of: buffer).map(\.text) == [#""a""#, "{}"])
    }

    @Test(
        "JSON of another kind is told from what is no JSON",
        arguments: ["{}", "{\"a\":[1]}", "1", "\"[]\"", "null", " true "]
    )
    func notAnArray(text: String) {
        #expect(throws: JSONFailure(reason: .notAnArray, position: 0)) {
            try Self.elements(of: ByteBuffer(string: text))
        }
    }

    @Test("What is refused as a value is refused as an array", arguments: JSONScannerTests.refused)
    func malformed(text: String) {
        let failure = #expect(throws: JSONFailure.self) { try Self.elements(of: ByteBuffer(string: text)) }
        #expect(failure?.reason == .malformed)
    }

    @Test("What is refused as a value is refused as an element", arguments: JSONScannerTests.refused)
    func malformedElement(text: String) {
        #expect(throws: JSONFailure.self) { try Self.elements(of: ByteBuffer(string: "[\(text),1]")) }
    }

    @Test("Elements before a fault have been seen")
    func seenBeforeFault() {
        var seen = 0
        #expect(throws: JSONFailure(reason: .malformed, position: 5)) {
            try JSONScanner.scanArray(ByteBuffer(string: "[1,2 3]")) { _ in seen += 1 }
        }
        #expect(seen == 2)
    }

    @Test("The outer array is the first of the nested levels that are counted")
    func depth() throws {
        let nested = ByteBuffer(string: "[[[1]]]")
        try JSONScanner.scanArray(nested, maximumDepth: 3) { _ in }
        let failure = #expect(throws: JSONFailure.self) { try JSONScanner.scanArray(nested, maximumDepth: 2) { _ in } }
        #expect(failure?.reason == .tooDeep)
        let endless = ByteBuffer(string: String(repeating: "[", count: 1_000_000))
        #expect(throws: JSONFailure.self) { try JSONScanner.scanArray(endless) { _ in } }
    }

    struct Found {
        let kind: JSONValue.Kind
        let text: String
    }

    static func elements(of buffer: ByteBuffer) throws -> [Found] {
        var found: [Found] = []
        try JSONScanner.scanArray(buffer) { value in
            found.append(Found(kind: value.kind, text: String(buffer: buffer.slice(of: value))))
        }
        return found
    }
}
