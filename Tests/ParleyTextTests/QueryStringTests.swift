import ParleyText
import Testing

@Suite struct QueryStringTests {
    @Test(
        "A query has its pairs, in order and as they were sent",
        arguments: [
            ("", []), ("&", []), ("&&a=1&&", ["a=1"]), ("a=1&b=2", ["a=1", "b=2"]), ("a=1&a=2", ["a=1", "a=2"]),
            ("a", ["a"]), ("a=", ["a="]), ("=", ["="]), ("=1", ["=1"]), ("a=b=c", ["a=b=c"]), ("a==", ["a=="]),
            ("a%3Db=%26", ["a%3Db=%26"]), ("a+b=c+d", ["a+b=c+d"]), ("a;b=1", ["a;b=1"]), ("é=ü", ["é=ü"]),
            // An accent makes another character of what it follows, and no other byte.
            ("a=\u{301}b", ["a=\u{301}b"]), ("a=1&\u{301}b=2", ["a=1", "\u{301}b=2"]),
        ]
    )
    func pairs(query: String, expected: [String]) {
        let found = QueryString(query[...]).map { pair in pair.name + (pair.value.map { "=" + $0 } ?? "") }
        #expect(found.map { Array($0.utf8) } == expected.map { Array($0.utf8) })
    }

    @Test("The value begins behind the first equals sign")
    func parts() {
        #expect(QueryString("a=b=c").map(\.value) == ["b=c"])
        #expect(QueryString("=1").map(\.name) == [""])
        #expect(QueryString("a&b=").map(\.value) == [nil, ""])
        #expect(QueryString("a=\u{301}b").map(\.name) == ["a"])
    }
}
