import Testing

@testable import ParleyTransport

@Suite struct QueryParametersTests {
    @Test(
        "The first of a repeated name counts, decoded",
        arguments: [
            ("token=abc", "abc"), ("x=1&token=abc&y=2", "abc"), ("token=a&token=b", "a"), ("token=", ""), ("token", ""),
            ("token=%20a+b", " a b"), ("%74oken=abc", "abc"), ("token=a=b", "a=b"), ("", nil), ("tokens=abc", nil),
            ("token=%zz", nil), ("token=%ff", nil), ("token=%zz&token=b", "b"), ("%zz=a&token=b", "b"),
            // An accent makes another character of what it follows, and no other byte.
            ("token=\u{301}a", "\u{301}a"), ("x&\u{301}y=1&token=a", "a"),
        ] as [(String, String?)]
    )
    func lookup(query: String, expected: String?) {
        #expect(QueryParameters(query[...])["token"] == expected)
    }
}
