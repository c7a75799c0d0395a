import Testing

@testable import ParleyText

@Suite struct PrefixesTests {
    @Test(
        "What follows a prefix is found byte for byte",
        arguments: [
            ("/relay/a", "/relay", "/a"), ("/relay", "/relay", ""), ("/rela", "/relay", nil), ("/Relay", "/relay", nil),
            ("/relay/\u{301}", "/relay/", "\u{301}"), ("", "", ""), ("a", "", "a"), ("cafe\u{301}", "café", nil),
        ] as [(String, String, String?)]
    )
    func rest(text: String, prefix: String, expected: String?) {
        let rest = text[...].rest(after: prefix)
        #expect(rest.map { Array($0.utf8) } == expected.map { Array($0.utf8) })
    }

    @Test(
        "A path is at or below another by its slashes",
        arguments: [
            ("/relay", true), ("/relay/", true), ("/relay/a", true), ("/relays", false), ("/rel", false), ("", false),
            ("/relay/\u{301}", true),
        ]
    )
    func isAtOrBelow(path: String, expected: Bool) {
        #expect(path[...].isAtOrBelow("/relay") == expected)
    }
}
