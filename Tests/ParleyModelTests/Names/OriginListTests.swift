import Testing

@testable import ParleyModel

@Suite struct OriginListTests {
    @Test(
        "An origin of this machine is one by its very host",
        arguments: [
            ("http://localhost", true), ("https://localhost:5173", true), ("http://127.0.0.1:80", true),
            ("http://[::1]:3000", true), ("https://[::1]", true),
            ("http://localhost:", false), ("http://localhost:123456", false), ("http://localhost:80a", false),
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
