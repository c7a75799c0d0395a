import Testing

@testable import ParleyServer

@Suite struct AcceptedOriginsTests {
    @Test(
        "Whole origins, hosts, hosts with a port, and everybody",
        arguments: [
            ("http://ok.test", "http://ok.test", true), ("http://ok.test", "http://bad.test", false),
            ("http://ok.test", "null", false), ("http://ok.test", nil, false),
            ("http://ok.test", "https://ok.test", false),
            ("ok.test", "https://ok.test", true), ("ok.test", "https://OK.test:8443", true),
            ("ok.test", "https://ok.test.evil", false), ("ok.test", "https://evil.ok.test", false),
            ("ok.test", nil, false),
            ("ok.test:8443", "https://ok.test:8443", true), ("ok.test:8443", "https://ok.test", false),
            ("[::1]", "http://[::1]", true), ("[::1]", "http://[::1]:5173", true),
            ("a.test, b.test", "http://b.test", true), ("*", "http://any.test", true), ("*", nil, true),
            ("https://ok.test:443", "https://ok.test", true), ("HTTP://ok.test:80/", "http://ok.test", true),
            ("ok.test:443", "https://ok.test", true), ("ok.test:443", "http://ok.test", false), ("null", "null", false),
            ("", nil, true), ("", "http://any.test", false), (" ", nil, true),
        ] as [(String, String?, Bool)]
    )
    func accepts(setting: String, origin: String?, expected: Bool) {
        #expect(AcceptedOrigins(setting: setting).accepts(origin) == expected)
    }

    @Test(
        "Pages of this machine may be welcome besides",
        arguments: [
            ("", "http://localhost:5173", true), ("", "http://127.0.0.1", true), ("", "https://[::1]:1", true),
            ("", "http://localhost.evil.test", false), ("", "http://any.test", false), ("", nil, true),
            ("ok.test", "http://localhost", true), ("ok.test", "http://ok.test", true),
            ("k.test", "http://\u{212A}.test", false), ("\u{E9}.test", "http://e\u{301}.test", false),
        ] as [(String, String?, Bool)]
    )
    func local(setting: String, origin: String?, expected: Bool) {
        #expect(AcceptedOrigins(setting: setting, admitsLocal: true).accepts(origin) == expected)
    }
}
