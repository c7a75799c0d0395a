import Testing

@testable import ParleyServer

@Suite struct QueryParametersTests {
    @Test(
        "The first of a repeated name counts, decoded",
        arguments: [
            ("token=abc", "abc"), ("x=1&token=abc&y=2", "abc"), ("token=a&token=b", "a"), ("token=", ""), ("token", ""),
            ("token=%20a+b", " a b"), ("%74oken=abc", "abc"), ("token=a=b", "a=b"), ("", nil), ("tokens=abc", nil),
            ("token=%zz", nil), ("token=%ff", nil),
        ] as [(String, String?)]
    )
    func lookup(query: String, expected: String?) {
        #expect(QueryParameters(query[...])["token"] == expected)
    }

    @Test("Signatures encode everything but the unreserved characters, and what is kept")
    func encode() {
        #expect(
            PercentEncoding.encode("/@connections/a%3D b~-._é", keeping: "/") == "/%40connections/a%253D%20b~-._%C3%A9"
        )
    }
}
