import ParleyModel
import Testing

@testable import ParleyBackendsHTTP
@testable import ParleyGateway
@testable import ParleyHTTP
@testable import ParleyServer

/// Tests of `CrossOriginRule.swift` and of the policies of all APIs.
@Suite struct CrossOriginRuleTests {
    @Test(
        "Who may come, and with what",
        arguments: [
            ("http://a.test", "http://a.test", ["http://a.test", "true", "Origin"]),
            ("http://a.test", "http://b.test", [nil, nil, "Origin"]), ("http://a.test", nil, [nil, nil, "Origin"]),
            ("http://a.test", "null", [nil, nil, "Origin"]),
            ("*", "http://a.test", ["*", nil, nil]), ("*", nil, ["*", nil, nil]),
            ("http://a.test,*", "http://a.test", ["*", nil, nil]),
        ] as [(String, String?, [String?])]
    )
    func headers(setting: String, origin: String?, expected: [String?]) throws {
        let policy = try #require(CORSPolicy.general(OriginList(setting: setting)))
        let found = Dictionary(
            policy.headers(for: origin).map { ($0.name, $0.value) },
            uniquingKeysWith: { "\($0), \($1)" }
        )
        let names = ["Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Vary"]
        #expect(names.map { found[$0] } == expected)
    }

    @Test("No setting means no headers")
    func unset() {
        #expect(CORSPolicy.general(OriginList(setting: nil)) == nil)
        #expect(CORSPolicy.general(OriginList(setting: nil, admitsLocal: true)) != nil)
    }

    @Test("No policy gives every origin credentials", arguments: [true, false])
    func never(asksForCredentials: Bool) {
        let policy = CORSPolicy(.list(["*"]), allowsCredentials: asksForCredentials)
        #expect(policy.headers(for: "http://a.test").map(\.value) == ["*"])
        #expect(policy.expectsCredentialsInVain == asksForCredentials)
        #expect(!CORSPolicy(.list(["http://a.test"]), allowsCredentials: true).expectsCredentialsInVain)
        #expect(CORSPolicy(.list(["http://a.test"]), allowsCredentials: true).headers(for: "http://b.test").count == 1)
    }
}
