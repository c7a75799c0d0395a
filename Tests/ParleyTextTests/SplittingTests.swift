import ParleyText
import Testing

@Suite struct SplittingTests {
    @Test(
        "A separator is a byte, whatever character Swift makes of it",
        arguments: [
            ("", [""]), ("a", ["a"]), ("a/b", ["a", "b"]), ("/a//b/", ["", "a", "", "b", ""]),
            // An accent behind it, a sign of Arabic numbers before it, a joiner on both sides.
            ("a/\u{301}b", ["a", "\u{301}b"]), ("a\u{600}/b", ["a\u{600}", "b"]),
            ("a\u{200D}/\u{200D}b", ["a\u{200D}", "\u{200D}b"]), ("\u{600}/..", ["\u{600}", ".."]),
        ]
    )
    func bytes(text: String, expected: [String]) {
        let parts = text.split(ascii: "/", omittingEmptySubsequences: false)
        #expect(parts.map { Array($0.utf8) } == expected.map { Array($0.utf8) })
        #expect(text.split(ascii: "/").map { Array($0.utf8) } == expected.filter { !$0.isEmpty }.map { Array($0.utf8) })
    }

    @Test("What stands behind the last of so many cuts stays whole")
    func maximum() {
        #expect("a=b=c".split(ascii: "=", maxSplits: 1) == ["a", "b=c"])
    }
}
