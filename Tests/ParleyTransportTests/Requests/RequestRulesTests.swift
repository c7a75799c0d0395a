import NIOHTTP1
import ParleyModel
import Testing

@testable import ParleyTransport

@Suite struct RequestRulesTests {
    private static func head(
        _ target: String = "/",
        _ method: HTTPMethod = .GET,
        version: HTTPVersion = .http1_1,
        _ headers: HTTPHeaders = ["Host": "a.test"]
    ) -> HTTPRequestHead {
        HTTPRequestHead(version: version, method: method, uri: target, headers: headers)
    }

    struct Target: Sendable {
        let sent: String
        var path: String? = nil
        var host = "a.test"
        var method = HTTPMethod.GET
    }

    @Test(
        "A target is a path, or a URL whose authority counts for Host",
        arguments: [
            Target(sent: "/", path: "/"),
            Target(sent: "/a?b=c", path: "/a?b=c"),
            Target(sent: "//x/y", path: "//x/y"),
            Target(sent: "http://b.test/relay/x", path: "/relay/x", host: "b.test"),
            Target(sent: "HTTP://b.test:8000/?token=t", path: "/?token=t", host: "b.test:8000"),
            Target(sent: "https://[::1]:8000", path: "/", host: "[::1]:8000"),
            Target(sent: "http://b.test?q", path: "/?q", host: "b.test"),
            Target(sent: "*", path: "*", method: .OPTIONS),
            Target(sent: "*"),
            Target(sent: "a"),
            Target(sent: ""),
            Target(sent: "ftp://b.test/"),
            Target(sent: "http:///x"),
            Target(sent: "http://u@b.test/"),
            Target(sent: "/a#b"),
            Target(sent: "http://b.test/#b"),
        ]
    )
    func targets(_ target: Target) {
        var head = Self.head(target.sent, target.method)
        let refusal = RequestRules.apply(to: &head)
        guard let path = target.path else {
            #expect(refusal == .badTarget)
            return
        }
        #expect(refusal == nil)
        #expect(head.uri == path)
        #expect(head.headers["Host"] == [target.host])
    }

    @Test("CONNECT is for proxies of another kind")
    func connect() {
        var head = Self.head("b.test:443", .CONNECT)
        #expect(RequestRules.apply(to: &head) == .unknownMethod)
    }

    @Test(
        "A Host is a name or an address, with a port or without",
        arguments: [
            ("a.test", true), ("a.test:80", true), ("127.0.0.1:8000", true), ("[::1]", true), ("[::1]:8000", true),
            ("", true), ("a_b%20c", true), ("a b", false), ("a/b", false), ("a@b", false), ("a:b", false),
            ("a:123456", false), ("[::1", false), ("[]", false), ("::1", false), ("<a>", false), ("a\u{E9}", false),
        ]
    )
    func hosts(host: String, isValid: Bool) {
        var head = Self.head("/", .GET, version: .http1_1, ["Host": host])
        #expect(RequestRules.apply(to: &head) == (isValid ? nil : .badHost))
    }

    @Test("A request of 1.1 has one Host, one of 1.0 perhaps none")
    func hostCount() {
        var none = Self.head("/", .GET, version: .http1_1, [:])
        #expect(RequestRules.apply(to: &none) == .repeatedHost)
        var old = Self.head("/", .GET, version: .http1_0, [:])
        #expect(RequestRules.apply(to: &old) == nil)
        var two = Self.head("/", .GET, version: .http1_0, ["Host": "a", "host": "a"])
        #expect(RequestRules.apply(to: &two) == .repeatedHost)
    }

    @Test("Blanks around values are no part of them")
    func blanks() {
        var head = Self.head(
            "/",
            .GET,
            version: .http1_1,
            ["Host": "a.test \t", "Sec-WebSocket-Version": "13\t", "X": " y z "]
        )
        #expect(RequestRules.apply(to: &head) == nil)
        #expect(head.headers["Host"] == ["a.test"])
        #expect(head.headers["Sec-WebSocket-Version"] == ["13"])
        #expect(head.headers["X"] == ["y z"])
    }

    struct Framing: Sendable {
        var version = HTTPVersion.http1_1
        let headers: HTTPHeaders
        let refusal: Refusal?

        init(_ refusal: Refusal?, version: HTTPVersion = .http1_1, _ headers: HTTPHeaders) {
            self.refusal = refusal
            self.version = version
            self.headers = headers
        }
    }

    @Test(
        "Where a request ends is beyond doubt, and what is expected of us known",
        arguments: [
            Framing(nil, ["Transfer-Encoding": "chunked"]),
            Framing(nil, ["Transfer-Encoding": "Chunked"]),
            Framing(nil, ["Content-Length": "5"]),
            Framing(.ambiguousLength, ["Transfer-Encoding": "chunked", "Content-Length": "5"]),
            Framing(.badRequest, version: .http1_0, ["Transfer-Encoding": "chunked"]),
            Framing(.unknownTransferCoding, ["Transfer-Encoding": "gzip, chunked"]),
            Framing(.unknownTransferCoding, ["Transfer-Encoding": "gzip"]),
            Framing(nil, ["Expect": "100-Continue"]),
            Framing(.unknownExpectation, ["Expect": "tea"]),
            Framing(.unsupportedHTTPVersion, version: HTTPVersion(major: 2, minor: 0), [:]),
        ]
    )
    func framing(_ framing: Framing) {
        var headers = framing.headers
        headers.add(name: "Host", value: "a.test")
        var head = Self.head("/", .POST, version: framing.version, headers)
        #expect(RequestRules.apply(to: &head) == framing.refusal)
    }
}
