import ParleyBackends
import Testing

@Suite struct ProxyPathTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let target: String
        var prefix = ""
        let token: String?
        var rest = ""
        var testDescription: String { "\(self.target) under '\(self.prefix)'" }
    }

    static let rows: [Row] = [
        Row(target: "/T/a/b?x", token: "T", rest: "/a/b?x"),
        Row(target: "/T", token: "T", rest: "/"),
        Row(target: "/T/", token: "T", rest: "/"),
        Row(target: "/T?x=1", token: "T", rest: "/?x=1"),
        Row(target: "/T//a", token: "T", rest: "//a"),
        Row(target: "/T/%2e%2e/?a?b", token: "T", rest: "/%2e%2e/?a?b"),
        Row(target: "/b/T/a", prefix: "/b", token: "T", rest: "/a"),
        Row(target: "/T/\u{301}a", token: "T", rest: "/\u{301}a"),
        Row(target: "/T?\u{301}a", token: "T", rest: "/?\u{301}a"),
        Row(target: "/b/\u{301}T/a", prefix: "/b", token: "\u{301}T", rest: "/a"),
        Row(target: "/", token: nil),
        Row(target: "//a", token: nil),
        Row(target: "/?x", token: nil),
        Row(target: "/b", prefix: "/b", token: nil),
        Row(target: "/b/", prefix: "/b", token: nil),
        Row(target: "/bT/a", prefix: "/b", token: nil),
        Row(target: "*", token: nil),
    ]

    @Test("The first part of the path is the token, and the rest is left as it is", arguments: rows)
    func parses(_ row: Row) {
        let path = ProxyPath(row.target, under: row.prefix)
        #expect(path.map { String($0.token) } == row.token)
        #expect(path?.rest ?? "" == row.rest)
    }
}
