import NIOHTTP1
import Testing

@testable import ParleyBackends

@Suite struct ProxyHeadersTests {
    private static let backend = BackendID(unchecked: "abc")

    private static func route(user: String? = "ada", isStatic: Bool = false) -> BackendRoute {
        BackendRoute(
            token: "T",
            backend: Self.backend,
            user: isStatic ? nil : user,
            userData: isStatic ? nil : "{}",
            secret: isStatic ? nil : "S",
            subdomain: nil
        )
    }

    private static func request(
        _ headers: HTTPHeaders,
        _ route: BackendRoute = Self.route(),
        isTrusted: Bool = false,
        isUpgrade: Bool = false
    ) -> HTTPHeaders {
        ProxyHeaders.request(
            headers,
            for: route,
            path: "/T/x",
            from: .init(
                address: "192.0.2.1",
                isSecure: false,
                isTrusted: isTrusted,
                client: isTrusted ? "10.0.0.1" : nil
            ),
            isUpgrade: isUpgrade
        )
    }

    @Test("The backend hears who it is, and nobody can say so instead")
    func identity() {
        let headers = Self.request([
            "X-Verified-Username": "mallory", "x-verified-new": "1", "X-VERIFIED-": "2", "Host": "h",
        ])
        #expect(headers["x-verified-username"] == ["ada"])
        #expect(headers["x-verified-user-data"] == ["{}"])
        #expect(headers["x-verified-path"] == ["/T/x"])
        #expect(headers["x-verified-backend"] == ["abc"])
        #expect(headers["x-verified-secret"] == ["S"])
        #expect(headers["x-verified-new"] == [] && headers["x-verified-"] == [] && headers["Host"] == ["h"])
    }

    @Test(
        "A name is ours in every spelling",
        arguments: [
            "X-Verified-Username", "x_verified_username", "X_Verified_Username", "x-verified_username",
            "X-VERIFIED.PATH",
            "x_verified", "X-Verified", "x-verifiedfoo", " x-verified-username", "X_Verified_Username ",
            "\tx-verified-a",
            "x!verified~secret", "X_Forwarded_For", "X-Forwarded-For", "x_forwarded-PROTO", "X-Forwarded-Anything",
            "X_Real_IP", "X-Real-Ip", "Forwarded", "FORWARDED", " Forwarded ", "Proxy", "PROXY", "Content_Length",
            "transfer_encoding", "Keep_Alive", "TE ", "Proxy_Authorization",
        ]
    )
    func spellings(name: String) {
        let mine = "mallory"
        let headers = Self.request(HTTPHeaders([(name, mine)]))
        #expect(!headers.contains { $0.value.contains(mine) })
        let usual = Self.request([:]).map(\.name)
        #expect(headers.map(\.name) == usual)
    }

    @Test(
        "Other names pass as they are",
        arguments: [
            "X-Verify", "X-Verifie", "xverified-username", "X-Mine", "x_mine", "Forwarding", "X-Real-IPs", "Proxy-Mine",
            "Content-Type", "Cookie", "Authorization", "Content_Type", "T_E", "x--verified-a", "X-Request-ID", "_",
        ]
    )
    func others(name: String) {
        #expect(Self.request(HTTPHeaders([(name, "v")])).contains { $0.name == name && $0.value == "v" })
    }

    @Test("Without a user there is no name, and with a static token no identity at all")
    func nobody() {
        #expect(Self.request([:], Self.route(user: nil))["x-verified-username"] == [])
        let headers = Self.request([:], Self.route(isStatic: true))
        #expect(headers["x-verified-username"] == [] && headers["x-verified-user-data"] == [])
        #expect(headers["x-verified-secret"] == [""])
    }

    @Test("Fields of the connection stay on it, those that it names too")
    func hopByHop() {
        let headers = Self.request([
            "Connection": "keep-alive, X-Mine", "Keep-Alive": "5", "X-Mine": "1", "TE": "trailers", "Upgrade": "h2c",
            "Proxy-Authorization": "x", "X-Kept": "1", "Transfer-Encoding": "chunked",
        ])
        #expect(headers["Connection"] == [] && headers["Keep-Alive"] == [] && headers["X-Mine"] == [])
        #expect(headers["TE"] == [] && headers["Upgrade"] == [] && headers["Proxy-Authorization"] == [])
        #expect(headers["X-Kept"] == ["1"] && headers["Transfer-Encoding"] == ["chunked"])
    }

    @Test("Nobody can take away what says how long a message is")
    func framing() {
        let request = Self.request(["Connection": "content-length, host", "Content-Length": "9", "Host": "h"])
        #expect(request["Content-Length"] == ["9"] && request["Host"] == ["h"])
        let response = ProxyHeaders.response(
            ["Connection": "Content-Length", "Content-Length": "9"],
            of: Self.backend,
            isUpgrade: false
        )
        #expect(response["Content-Length"] == ["9"])
    }

    @Test("An upgrade says what it wants")
    func upgrade() {
        let asked: HTTPHeaders = ["Connection": "keep-alive, Upgrade", "Upgrade": "websocket"]
        #expect(ProxyHeaders.isUpgrade(asked))
        #expect(!ProxyHeaders.isUpgrade(["Connection": "keep-alive", "Upgrade": "websocket"]))
        let headers = Self.request(asked, isUpgrade: true)
        #expect(headers["Connection"] == ["Upgrade"] && headers["Upgrade"] == ["websocket"])
    }

    @Test(
        "Some protocols are not for a backend",
        arguments: [
            ("websocket", true), ("foo", true), ("foo, bar/1", true), ("h2c", false), ("H2C", false),
            ("foo, h2c", false),
            ("TLS/1.2", false), ("tls/1.0, HTTP/1.1", false), ("websocket,h2c", false),
            // A comma is a byte: whoever comes behind us does not care which character Swift makes of it.
            ("foo\u{600},h2c", false), ("foo\u{200D},h2c", false), ("foo\u{600},\t h2c", false),
            ("foo\u{600},bar", true),
        ]
    )
    func offers(offer: String, isUpgrade: Bool) {
        #expect(ProxyHeaders.isUpgrade(["Connection": "Upgrade", "Upgrade": offer]) == isUpgrade)
    }

    @Test("Whoever is on the way says so, and clients of HTTP/1.0 expect nothing")
    func versions() {
        #expect(Self.request([:])["via"] == ["1.1 parley"])
        #expect(Self.request(["Via": "1.0 a, 1.1 b"])["via"] == ["1.0 a, 1.1 b, 1.1 parley"])
        #expect(Self.request(["Expect": "100-continue"])["expect"] == ["100-continue"])
        let old = ProxyHeaders.request(
            ["Expect": "100-continue"],
            for: Self.route(),
            path: "/",
            from: .init(address: "192.0.2.1", isSecure: false, isTrusted: false),
            isUpgrade: false,
            version: .http1_0
        )
        #expect(old["expect"] == [] && old["via"] == ["1.0 parley"])
    }

    @Test("Trailers say nothing of the message")
    func trailers() {
        let trailers = ProxyHeaders.trailers([
            "X-Sum": "1", "Content-Length": "1", "Transfer-Encoding": "chunked", "Set-Cookie": "a",
            "Connection": "close",
            "Host": "h", "Authorization": "x", "Content-Type": "t", "Trailer": "X",
        ])
        #expect(trailers.map(\.name) == ["X-Sum"])
    }

    @Test("Addresses are believed from trusted proxies alone")
    func forwarding() {
        let claimed: HTTPHeaders = [
            "X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "theirs",
            "X-Forwarded-Port": "1", "X-Real-IP": "10.0.0.1", "Forwarded": "for=10.0.0.1;by=me", "Host": "h:1",
        ]
        let untrusted = Self.request(claimed)
        #expect(untrusted["x-forwarded-for"] == ["192.0.2.1"] && untrusted["x-forwarded-proto"] == ["http"])
        #expect(untrusted["x-forwarded-host"] == ["h:1"] && untrusted["x-forwarded-port"] == [])
        #expect(untrusted["x-real-ip"] == ["192.0.2.1"] && untrusted["forwarded"] == ["for=192.0.2.1;proto=http"])
        let trusted = Self.request(claimed, isTrusted: true)
        #expect(trusted["x-forwarded-for"] == ["10.0.0.1, 192.0.2.1"] && trusted["x-forwarded-proto"] == ["https"])
        #expect(trusted["x-forwarded-host"] == ["theirs"] && trusted["x-forwarded-port"] == ["1"])
        #expect(trusted["x-real-ip"] == ["10.0.0.1"])
        #expect(trusted["forwarded"] == ["for=10.0.0.1;by=me, for=192.0.2.1;proto=http"])
        #expect(Self.request([:], isTrusted: true)["x-forwarded-for"] == ["192.0.2.1"])
    }

    @Test("A chain of addresses is told in the words of RFC 7239, too")
    func elements() {
        let chain: HTTPHeaders = ["X-Forwarded-For": "10.0.0.1, 2001:db8::1,  \"evil;", "X_Forwarded_For": "x"]
        #expect(
            Self.request(chain, isTrusted: true)["forwarded"] == [
                "for=10.0.0.1, for=\"[2001:db8::1]\", for=unknown, for=192.0.2.1;proto=http"
            ]
        )
    }

    @Test(
        "Whatever an entry is, the element that says the same is well-formed",
        arguments: [
            ("6.6.6.6", "6.6.6.6"), ("6.6.6.6:80", "\"6.6.6.6:80\""), ("2001:db8::2", "\"[2001:db8::2]\""),
            ("[2001:db8::2]", "\"[2001:db8::2]\""), ("[2001:db8::2]:1", "\"[2001:db8::2]:1\""),
            ("::ffff:6.6.6.6", "\"[::ffff:6.6.6.6]\""), ("_hidden", "_hidden"), ("unknown", "unknown"),
            ("6.6.6", "unknown"), ("6.6.6.666", "unknown"), ("6.6.6.6:", "unknown"), ("6.6.6.6:123456", "unknown"),
            ("6.6.6.6:x", "unknown"), ("[6.6.6.6]", "unknown"), ("[6.6.6.6]:80", "unknown"),
            ("[2001:db8::2", "unknown"),
            ("[2001:db8::2]1", "unknown"), ("2001:db8::2]", "unknown"), ("[]", "unknown"), (":", "unknown"),
            ("::1%eth0", "unknown"), ("a.test", "unknown"), ("a.test:80", "unknown"), ("\"6.6.6.6\"", "unknown"),
            ("_a;proto=https", "unknown"), ("_", "unknown"), ("\u{F780}", "unknown"), ("[::1]\u{301}", "unknown"),
            ("1.1.1.1\u{301}", "unknown"), ("6.6.6.6 7.7.7.7", "unknown"),
        ]
    )
    func node(claim: String, text: String) {
        #expect(ForwardedNode(claim: claim[...]).text == text)
        let forwarded = Self.request(["X-Forwarded-For": claim], isTrusted: true)["forwarded"]
        #expect(forwarded == ["for=\(text), for=192.0.2.1;proto=http"])
    }

    @Test(
        "A peer is named by its address",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "\"[2001:db8::1]\""), ("unknown", "unknown"), ("", "unknown"),
        ]
    )
    func peerNode(address: String, text: String) {
        #expect(ForwardedNode(address: address).text == text)
    }

    @Test(
        "Lists have no empty elements, and a quotation without end swallows nothing",
        arguments: [
            (["X-Forwarded-For": ","], "192.0.2.1", "for=192.0.2.1;proto=http"),
            (["X-Forwarded-For": " , 6.6.6.6,,"], "6.6.6.6, 192.0.2.1", "for=6.6.6.6, for=192.0.2.1;proto=http"),
            (["X-Forwarded-For": ""], "192.0.2.1", "for=192.0.2.1;proto=http"),
            (["Forwarded": ","], "192.0.2.1", "for=192.0.2.1;proto=http"),
            (["Forwarded": "for=\"a,b\" , ,by=x"], "192.0.2.1", "for=\"a,b\", by=x, for=192.0.2.1;proto=http"),
            (["Forwarded": "for=6.6.6.6, for=\"x"], "192.0.2.1", "for=6.6.6.6, for=192.0.2.1;proto=http"),
            (["Forwarded": "for=\"x\\\""], "192.0.2.1", "for=192.0.2.1;proto=http"),
            (
                ["Forwarded": "for=7.7.7.7", "X-Forwarded-For": "6.6.6.6"], "6.6.6.6, 192.0.2.1",
                "for=6.6.6.6, for=192.0.2.1;proto=http"
            ),
            (
                ["Forwarded": "for=6.6.6.60", "X-Forwarded-For": "6.6.6.6"], "6.6.6.6, 192.0.2.1",
                "for=6.6.6.6, for=192.0.2.1;proto=http"
            ),
            (
                ["Forwarded": "proto=https; For=\"[2001:DB8::2]\"", "X-Forwarded-For": "2001:db8::2"],
                "2001:db8::2, 192.0.2.1", "proto=https; For=\"[2001:DB8::2]\", for=192.0.2.1;proto=http"
            ),
        ] as [(HTTPHeaders, String, String)]
    )
    func lists(headers: HTTPHeaders, addresses: String, elements: String) {
        let headers = Self.request(headers, isTrusted: true)
        #expect(headers["x-forwarded-for"] == [addresses])
        #expect(headers["forwarded"] == [elements])
    }

    @Test("Answers that say nothing of other origins admit all, others are left alone")
    func crossOrigin() {
        let plain = ProxyHeaders.response(["Server": "theirs", "Set-Cookie": "a"], of: Self.backend, isUpgrade: false)
        #expect(plain["access-control-allow-origin"] == ["*"] && plain["access-control-allow-methods"] == ["*"])
        #expect(plain["access-control-allow-headers"] == ["*, Authorization"])
        #expect(plain["Server"] == ["parley"] && plain["x-plane-backend-id"] == ["abc"])
        for name in ["Access-Control-Allow-Origin", "access-control-allow-methods", "Access-Control-Allow-Headers"] {
            let own = ProxyHeaders.response([name: "own"], of: Self.backend, isUpgrade: false)
            #expect(own[name] == ["own"])
            #expect(own.filter { $0.name.lowercased().hasPrefix("access-control") }.count == 1)
        }
    }
}
