import Testing

@testable import ParleyModel

@Suite struct HTTPURLTests {
    @Test(
        "A URL has scheme, host and a port that there can be",
        arguments: [
            ("http://127.0.0.1:8000/v1", "127.0.0.1", 8000), ("https://host", "host", nil),
            ("HTTPS://Host:65535?x", "host", 65535),
            ("http://[::1]:1/", "[::1]", 1), ("http://[2001:db8::1]", "[2001:db8::1]", nil),
            ("http://u:p@host:80/a@b", "host", 80),
            ("http://a_b.c-d.test./", "a_b.c-d.test.", nil), ("http://host#f:99999", "host", nil),
        ] as [(String, String, Int?)]
    )
    func good(text: String, host: String, port: Int?) throws {
        let url = try HTTPURL(text)
        #expect(url.host == host && url.port == port && url.text == text)
    }

    @Test(
        "What would end the process further down, or lead nowhere, is none",
        arguments: [
            "http://127.0.0.1:99999/v1", "http://h:65536", "http://h:0", "http://h:-1", "http://h:+80", "http://h:",
            "http://h:8o",
            "http://h:18446744073709551616", "http://[::1]:99999", "http://::1:80", "http://[::1", "http://[]:80",
            "http://", "http:///v1",
            "http://:80", "http://u:p@:80", "http://u@h:99999/", "ftp://h", "h:80", "//h", "/v1", "", "http:/h",
            "ws://h", "http://h h",
            "http://h\n", "http://h\u{0}", "http://b\u{FC}cher", "http://h/\u{E9}", "http://1.2.3", "http://1.2.3.256",
            "http://-h", "http://h..x",
            "http://h:80:80", "http://h%31", "http://h\\x", "http://\u{FF11}.2.3.4",
        ]
    )
    func bad(text: String) {
        let mistake = #expect(throws: HTTPURL.Mistake.self) { try HTTPURL(text) }
        #expect(mistake?.expectation.isEmpty == false)
    }

    @Test(
        "A URL is shown without what it should keep to itself",
        arguments: [
            ("http://user:pw@h/v1?key=k", "http://********@h/v1?********"), ("http://h:1/v1", "http://h:1/v1"),
            ("http://h/?t=secret", "http://h/?********"), ("user:pw@h/v1?key=k", "********@h/v1?********"),
            ("http://u:p/w@h/x", "http://********@h/x"), ("http://u:p?w@h/x", "http://********@h/x"),
            ("http://u:p@w@h", "http://********@h"), ("http://h/a?b@c", "http://********@c"), ("", ""), ("h", "h"),
            ("http://u:p?x@h?k", "http://********@h?********"), ("http://h/?\u{301}secret", "http://h/?********"),
            ("http://u:pw\u{600}@h/x", "http://********@h/x"), ("http://u:pw@\u{301}h", "http://********@\u{301}h"),
        ]
    )
    func shown(text: String, shown: String) {
        #expect(HTTPURL.shown(text) == shown)
    }
}
