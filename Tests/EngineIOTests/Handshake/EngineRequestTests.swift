import NIOCore
import Testing

@testable import EngineIO

@Suite("Requests of Engine.IO")
struct EngineRequestTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var method = EngineRequest.Method.get
        var query: String
        var isUpgrade = false
        var origin: String?
        var current: EngineConfiguration.Transport?
        var code: Int?
        var testDescription: String { "\(self.method) \(self.query) -> \(self.code.map(String.init) ?? "ok")" }
    }

    static let cases = [
        Case(query: "EIO=4&transport=polling"),
        Case(query: "EIO=4&transport=websocket", isUpgrade: true),
        Case(query: "EIO=4", code: 0),
        Case(query: "EIO=4&transport=constructor", code: 0),
        Case(query: "EIO=4&transport=__proto__", code: 0),
        Case(query: "EIO=4&transport=polling&transport=x", code: 0),
        Case(query: "transport=x&EIO=4&transport=polling"),
        Case(query: "EIO=4&transport=polling", origin: "http://a\u{1}b", code: 3),
        Case(query: "EIO=4&transport=polling&sid=x", code: 1),
        Case(query: "EIO=4&transport=polling&sid=x", current: .polling),
        Case(query: "EIO=4&transport=websocket&sid=x", current: .polling, code: 3),
        Case(query: "EIO=4&transport=polling&sid=x", isUpgrade: true, current: .polling, code: 3),
        Case(query: "EIO=4&transport=websocket&sid=x", isUpgrade: true, current: .polling),
        Case(method: .post, query: "EIO=4&transport=polling", code: 2),
        Case(method: .options, query: "EIO=4&transport=polling", code: 2),
        Case(query: "EIO=4&transport=websocket", code: 3),
        Case(query: "EIO=4&transport=polling", isUpgrade: true, code: 3),
        Case(method: .other, query: "EIO=4&transport=polling&sid=x", current: .polling),
    ]

    @Test("Each check has its code, in the order of the reference", arguments: Self.cases)
    func checks(_ one: Case) {
        let request = EngineRequest(
            method: one.method,
            query: EngineQuery(one.query),
            isUpgrade: one.isUpgrade,
            origin: one.origin
        )
        var code: Int?
        do throws(EngineRefusal) {
            _ = try request.purpose(EngineConfiguration(), current: one.current)
        } catch {
            code = error.code
        }
        #expect(code == one.code)
    }

    @Test(
        "Any revision but 4 is revision 3, which has to be allowed",
        arguments: ["", "EIO=3", "EIO=5", "EIO=44", "EIO="]
    )
    func revision(_ query: String) {
        var configuration = EngineConfiguration()
        let request = EngineRequest(method: .get, query: EngineQuery(query), isUpgrade: false, origin: nil)
        #expect(request.revisionRefusal(configuration) == .unsupportedRevision)
        configuration.allowsRevision3 = true
        #expect(request.revisionRefusal(configuration) == nil)
    }

    @Test(
        "Queries are decoded, and broken escapes stay as they are",
        arguments: [
            ("a=1&b=2", ["a": "1", "b": "2"]), ("a=%2Fx+y", ["a": "/x y"]), ("a=%zz", ["a": "%zz"]), ("a", ["a": ""]),
            ("a=%e2%82%ac", ["a": "€"]), ("a=1&a=2", ["a": "2"]), ("=1", ["": "1"]), ("a=%ff", ["a": "\u{FFFD}"]),
            // An accent makes another character of what it follows, and no other byte.
            ("a=\u{301}b", ["a": "\u{301}b"]), ("a&\u{301}b", ["a": "", "\u{301}b": ""]),
        ]
    )
    func query(_ text: String, _ expected: [String: String]) {
        let query = EngineQuery(text)
        #expect(Dictionary(uniqueKeysWithValues: query.parameters.map { ($0.name, $0.value) }) == expected)
    }

    @Test("The open packet has its five keys, integers all")
    func openPacket() {
        let packet = EngineOpenPacket(sessionID: "abc", transport: .polling, configuration: EngineConfiguration())
        #expect(
            String(buffer: packet.json)
                == #"{"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        )
        let webSocket = EngineOpenPacket(sessionID: "abc", transport: .webSocket, configuration: EngineConfiguration())
        #expect(String(buffer: webSocket.json).contains(#""upgrades":[]"#))
    }
}
