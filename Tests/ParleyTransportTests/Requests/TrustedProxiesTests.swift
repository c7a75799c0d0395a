import Testing

@testable import ParleyTransport

@Suite struct TrustedProxiesTests {
    @Test(
        "An address is trusted by itself or by its network, in either family",
        arguments: [
            ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false), ("192.168.4.0/22", "192.168.7.255", true),
            ("192.168.4.0/22", "192.168.8.0", false), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false),
            ("::1", "::1", true), ("::1", "0:0:0:0:0:0:0:1", true), ("[::1]", "::1", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false), ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false), ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true), ("::ffff:127.0.0.1", "127.0.0.1", true),
            (" 10.0.0.1 , ,127.0.0.1,", "127.0.0.1", true), ("", "127.0.0.1", false),
        ] as [(String, String, Bool)]
    )
    func contains(text: String, address: String, isTrusted: Bool) throws {
        let proxies = try TrustedProxies(text)
        #expect(proxies.contains(try #require(IPAddress(address))) == isTrusted)
    }

    @Test(
        "What is no address is named",
        arguments: [
            "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0", "fd00::/129", "::g",
            "10.0.0.1:80", "/8", "10.0.0.0/ 8", "::ffff:10.0.0.0/90",
        ]
    )
    func refuses(part: String) {
        #expect(throws: TrustedProxies.ParseFailure(part: part)) { try TrustedProxies("127.0.0.1, " + part) }
    }
}
