import Testing

@testable import parley

@Suite struct HostNameTests {
    @Test(
        "A host is an address or a name, as in URLs",
        arguments: [
            ("localhost", true), ("a.b", true), ("a.b.", true), ("a_b-c", true), ("127.0.0.1", true), ("::1", true),
            ("fe80::1%eth0", true),
            ("", false), ("a..b", false), ("a..b.", false), (".", false), ("-a", false), ("a-", false), ("a:80", false),
            ("a:", false), ("[::1]", false), ("1.2.3", false), ("999.1.1.1", false), ("b\u{FC}cher", false),
            ("a b", false),
        ]
    )
    func usable(host: String, isUsable: Bool) {
        #expect(HostName.isUsable(host) == isUsable)
    }

    @Test(
        "An address in a URL has its brackets",
        arguments: [
            ("::1", "[::1]"), ("fe80::1%eth0", "[fe80::1%25eth0]"), ("[::1]", "[::1]"), ("127.0.0.1", "127.0.0.1"),
            ("localhost", "localhost"),
        ]
    )
    func inURL(host: String, text: String) {
        #expect(HostName.inURL(host) == text)
    }

    @Test(
        "A server on all interfaces is reached on this machine",
        arguments: [
            (nil, "localhost"), ("0.0.0.0", "localhost"), ("::", "localhost"), ("::1", "[::1]"), ("a.b", "a.b"),
        ]
    )
    func local(host: String?, text: String) {
        #expect(HostName.local(host, or: "localhost") == text)
    }
}
