import Testing

@testable import parley

@Suite struct HostNameTests {
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
