import Testing

@testable import ParleyHTTP

@Suite struct RoutePathTests {
    @Test(
        "A slash more or less makes no other path",
        arguments: ["/a/b", "/a/b/", "//a/b", "/a//b", "a/b", "///a///b///"]
    )
    func same(text: String) {
        #expect(RoutePath(text) == "/a/b")
        #expect(RoutePath(text).hashValue == RoutePath("/a/b").hashValue)
        #expect(RoutePath(text).first == "a")
        #expect(RoutePath(text).text == text[...])
    }

    @Test("Another name does", arguments: ["/a", "/a/b/c", "/b/a", "/ab", "/a%2Fb", "/A/b", "/", "", "*"])
    func other(text: String) {
        #expect(RoutePath(text) != "/a/b")
    }

    @Test(
        "What is below a path begins with all of it",
        arguments: [
            ("/a/b", "/a", true), ("//a//b", "/a/", true), ("/a", "/a", true), ("/a", "/", true), ("/", "/", true),
            ("/ab", "/a", false), ("/", "/a", false), ("/b/a", "/a", false),
        ]
    )
    func below(path: String, other: String, isBelow: Bool) {
        #expect(RoutePath(path).isAtOrBelow(RoutePath(other)) == isBelow)
    }
}
