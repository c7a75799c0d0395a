import NIOCore
import ParleyModel
import Testing

@Suite("JSON without white space")
struct JSONCompactTests {
    @Test(
        "White space between tokens goes, in strings it stays",
        arguments: [
            (#"1"#, #"1"#), (#" { "a b" : [ 1 , 2 ] } "#, #"{"a b":[1,2]}"#), ("[\n\t1,\r\n2]", "[1,2]"),
            (#""a \" b" , " ""#, #""a \" b"," ""#), (#""\\" , 1"#, #""\\",1"#), ("", ""),
        ]
    )
    func compact(_ json: String, _ expected: String) {
        #expect(String(buffer: JSONScanner.compacted(ByteBuffer(string: json))) == expected)
    }

    @Test(
        "Values with commas between them are found where they are",
        arguments: [
            (#"1,"a,\"b",[2,{"c":3}],null"#, ["1", #""a,\"b""#, #"[2,{"c":3}]"#, "null"]), ("", []), ("{}", ["{}"]),
        ]
    )
    func elements(_ json: String, _ expected: [String]) {
        let buffer = ByteBuffer(string: json)
        var found: [String] = []
        JSONScanner.forEachElement(ofChecked: buffer) { found.append(String(buffer: buffer.slice(of: $0))) }
        #expect(found == expected)
    }
}
