import Testing

@testable import ParleyTransport

@Suite struct LocalCallerTests {
    private static let caller = LocalCaller(ownHosts: ["192.168.1.5", "dev.example"])

    @Test(
        "Programs of this machine may ask, whatever it is called by itself",
        arguments: [
            ("127.0.0.1", "localhost:8080"), ("::1", "[::1]:8080"), ("127.8.8.8", "127.0.0.1"),
            ("::ffff:127.0.0.1", "LOCALHOST"),
            ("127.0.0.1", "192.168.1.5:8080"), ("::1", "dev.example"), ("127.0.0.1", "localhost:65535"),
        ] as [(String, String?)]
    )
    func programs(address: String, authority: String?) {
        #expect(Self.caller.allows(address: address, authority: authority, origin: nil))
    }

    @Test(
        "Others may not, nor names that lead here",
        arguments: [
            ("192.168.1.5", "localhost"), ("10.0.0.1", "dev.example"), ("::2", "[::1]"), (nil, "localhost"),
            ("", "localhost"),
            ("127.0.0.1.evil", "localhost"), ("127.0.0.1", "evil.example"), ("127.0.0.1", "evil.example:8080"),
            ("127.0.0.1", "localhost.evil.example"), ("127.0.0.1", "127.0.0.1.evil.example"), ("::1", "notlocalhost"),
            ("127.0.0.1", nil), ("127.0.0.1", ""), ("::1", "app.localhost:1"), ("127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "[0:0:0:0:0:0:0:1]"), ("127.0.0.1", "localhost:99999"), ("127.0.0.1", "localhost:0"),
            ("127.0.0.1", "localhost:"), ("127.0.0.1", "localhost."), ("127.0.0.1", "localhost:80:80"), ("::1", "::1"),
            ("::1", "0"), ("127.0.0.1", "2130706433"), ("127.0.0.1", "127.1"), ("127.0.0.1", "localhost, localhost"),
            ("::1", "10.0.0.1"), ("::1", "127.evil"), ("::1", "localhost@evil.example"), ("::1", "[::2]"),
        ] as [(String?, String?)]
    )
    func others(address: String?, authority: String?) {
        #expect(!Self.caller.allows(address: address, authority: authority, origin: nil))
    }

    @Test(
        "Pages may that come from this machine",
        arguments: [
            ("http://localhost:5173", true), ("https://localhost", true), ("http://127.0.0.1", true),
            ("http://[::1]:3000", true),
            ("http://app.localhost", false), ("http://127.0.0.2", false), ("http://localhost:99999", false),
            ("http://localhost:", false), ("https://dev.example:1", true), ("null", false), ("", false),
            ("https://evil.example", false), ("http://localhost.evil.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("chrome-extension://localhost", false), ("http://localhost/path", false), ("localhost", false),
            ("http://evil/localhost", false), ("http://", false), ("https://evil.example/http://localhost", false),
        ]
    )
    func pages(origin: String, isAllowed: Bool) {
        #expect(Self.caller.allows(address: "127.0.0.1", authority: "localhost", origin: origin) == isAllowed)
    }

    @Test(
        "A page that only sends, without saying where from, is told by its browser",
        arguments: [("cross-site", false), ("same-site", true), ("same-origin", true), ("none", true)]
    )
    func senders(site: String, isAllowed: Bool) {
        #expect(Self.caller.allows(address: "::1", authority: "localhost", origin: nil, site: site) == isAllowed)
    }
}
