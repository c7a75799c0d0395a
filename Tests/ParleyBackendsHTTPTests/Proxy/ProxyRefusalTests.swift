import NIOHTTP1
import Testing

@testable import ParleyBackendsHTTP

@Suite struct ProxyRefusalTests {
    @Test(
        "A refusal has a sentence with its length, and may be read by pages of all origins",
        arguments: [
            ProxyRefusal.connect, .bodyOfUpgrade, .otherCoding, .lossyFields, .noToken, .noHost, .otherCluster,
            .otherHost, .notReady, .tooManyWait, .backlog, .neverReady, .noConnection, .noAnswer, .otherProtocol,
        ]
    )
    func sentences(_ refusal: ProxyRefusal) {
        #expect(refusal.status.code >= 400)
        #expect(refusal.text.hasSuffix("\n") && refusal.text.count > 5)
        let headers = refusal.headers(date: "now")
        #expect(headers["Content-Length"] == ["\(refusal.text.utf8.count)"])
        #expect(headers["Content-Type"] == ["text/plain; charset=utf-8"])
        #expect(headers["access-control-allow-origin"] == ["*"])
        #expect(headers["Date"] == ["now"])
        #expect(headers.contains(name: "Retry-After") == (refusal.retryAfter != nil))
    }

    @Test("What is gone says so by its status alone, and what is elsewhere by its place")
    func empty() {
        #expect(ProxyRefusal.gone.headers(date: "now")["Content-Length"] == ["0"])
        #expect(!ProxyRefusal.gone.headers(date: "now").contains(name: "Content-Type"))
        let redirect = ProxyRefusal.redirect(to: "https://a.test/").headers(date: "now")
        #expect(redirect["Location"] == ["https://a.test/"])
    }

    @Test(
        "What cannot be put to a backend is refused before one is asked",
        arguments: [
            (HTTPMethod.GET, [:], nil),
            (.POST, ["Transfer-Encoding": "Chunked"], nil),
            (.GET, ["Connection": "upgrade", "Upgrade": "websocket"], nil),
            (.CONNECT, [:], .connect),
            (.GET, ["Connection": "upgrade", "Upgrade": "websocket", "Content-Length": "1"], .bodyOfUpgrade),
            (.POST, ["Transfer-Encoding": "gzip, chunked"], .otherCoding),
            (.POST, ["Transfer-Encoding": "gzip"], .otherCoding),
            (.GET, ["x": "\u{FFFD}"], .lossyFields),
        ] as [(HTTPMethod, HTTPHeaders, ProxyRefusal?)]
    )
    func heads(_ method: HTTPMethod, _ headers: HTTPHeaders, _ refusal: ProxyRefusal?) {
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: "/t/", headers: headers)
        #expect(ProxyEndpoint.refusal(of: head) == refusal)
    }
}
