import Testing

@testable import ParleyModel

@Suite struct OriginListTests {
    @Test(
        "An origin of this machine is one by its very host",
        arguments: [
            ("http://localhost", true), ("https://localhost:5173", true), ("http://127.0.0.1:80", true),
            ("http://[::1]:3000", true), ("https://[::1]", true),
            ("http://localhost:", false), ("http://localhost:123456", false), ("http://localhost:99999", false),
            ("http://localhost:0", false), ("http://sub.localhost", false), ("http://127.0.0.2", false),
            ("http://localhost:80a", false),
            ("http://localhost.evil.example", false), ("http://localhost@evil.example", false),
            ("http://127.0.0.1.evil.example", false), ("http://127.0.0.10", false), ("http://evil.example", false),
            ("http://evil.example#http://localhost", false), ("ftp://localhost", false), ("null", false), ("", false),
            ("http://localhost/", false), ("HTTP://localhost", false), ("http://[::1", false),
            ("http://\u{212A}localhost", false),
        ]
    )
    func local(origin: String, isLocal: Bool) {
        #expect(OriginList.isLocal(origin) == isLocal)
        #expect(OriginList(setting: nil, admitsLocal: true).admits(origin) == isLocal)
        #expect(!OriginList(setting: nil).admits(origin))
    }

    @Test(
        "A list admits what is on it, as browsers write it",
        arguments: [
            ("http://a.test", true), ("https://b.test:8443", true), ("http://c.test", true), ("http://d.test", true),
            ("https://a.test", false), ("http://a.test.evil", false), ("http://a.test,https://b.test:8443", false),
            ("null", false), ("*", false),
        ]
    )
    func listed(origin: String, isAdmitted: Bool) {
        let list = OriginList(setting: "http://a.test , https://b.test:8443,http://C.Test,,http://d.test/")
        #expect(list.admits(origin) == isAdmitted)
        #expect(!list.admitsAny && !list.isEmpty)
    }

    @Test(
        "What browsers never send, and what everybody sends, is refused with the reason",
        arguments: [
            ("null", "sandboxed"), ("https://ok.test,null", "sandboxed"), ("NULL", "sandboxed"),
            ("ok.test", "no scheme"),
            ("localhost:5173", "no scheme"), ("*.test", "pattern"), ("https://*.test", "pattern"),
            ("https://a https://b", "white space"),
            ("'https://a.test'", "no scheme of pages"), ("\"https://a.test\"", "no scheme of pages"),
            ("https://a.test/path", "more than"), ("https://a.test?x", "more than"), ("https://u@a.test", "more than"),
            ("https://a.test//", "more than"), ("https://", "host"), ("https://a.test:0", "port"),
            ("https://a.test:65536", "port"),
            ("https://a.test:", "port"), ("https://[::1", "host"), ("https://b\u{FC}cher.test", "host"),
            ("wss://a.test", "no scheme of pages"),
            ("file://", "no scheme of pages"), (",", "none"), ("https://a_.test:80x", "port"),
            ("https://-a.test", "host"), ("https://1.2.3", "host"),
        ]
    )
    func refused(setting: String, reason: String) {
        let mistake = #expect(throws: OriginList.Mistake.self) { try OriginList.check(setting: setting) }
        #expect(mistake?.reason.contains(reason) == true, "\(mistake?.reason ?? "")")
        let list = OriginList(setting: setting)
        #expect(!list.admits("null") && !list.admits("ok.test") && !list.admitsAny)
    }

    @Test(
        "An entry counts however it is written",
        arguments: [
            ("https://ok.test:443", "https://ok.test"), ("http://ok.test:80", "http://ok.test"),
            ("HTTPS://OK.Test", "https://ok.test"),
            ("http://ok.test:443", "http://ok.test:443"), ("https://ok.test:443/", "https://ok.test"),
            (" https://ok.test ", "https://ok.test"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
            ("http://[::1]:5173", "http://[::1]:5173"),
        ]
    )
    func normalised(setting: String, origin: String) throws {
        try OriginList.check(setting: setting)
        #expect(OriginList(setting: setting).admits(origin))
    }

    @Test(
        "Where hosts may stand for origins, everything else is refused all the same",
        arguments: [
            ("domain.com", true), ("localhost:5173", true), ("[::1]:80", true), ("https://a.test,b.test", true),
            ("*", true),
            ("null", false), ("*.test", false), ("a.test:99999", false), ("a.test/x", false), ("a b", false),
            ("'a.test'", false),
        ]
    )
    func hosts(setting: String, isGood: Bool) {
        #expect(((try? OriginList.check(setting: setting, admitsHosts: true)) != nil) == isGood)
    }

    @Test("An asterisk admits all", arguments: ["*", "http://a.test, *"])
    func any(setting: String) {
        let list = OriginList(setting: setting)
        #expect(list.admitsAny && list.admits("http://anything.example") && list.admits("null"))
    }

    @Test("Nothing admits nobody", arguments: [nil, "", " , "] as [String?])
    func none(setting: String?) {
        #expect(OriginList(setting: setting).isEmpty)
        #expect(!OriginList(setting: setting).admits(""))
    }
}
