import NIOCore
import NIOHTTP1
import ParleyBackends
import Testing

@testable import ParleyBackendsHTTP
@testable import ParleyTransport

@Suite struct ProxiedRequestTests {
    private static func request(_ headers: HTTPHeaders, _ version: HTTPVersion = .http1_1) throws -> ProxiedRequest {
        let head = HTTPRequestHead(version: version, method: .GET, uri: "/token/x?y", headers: headers)
        let path = try #require(ProxyPath(head.uri))
        return ProxiedRequest(UpgradeRequest(head: head, peer: nil), path: path, isUpgrade: true)
    }

    @Test("A backend that is asked without a name hears its address", arguments: ["127.0.0.1", "::1"])
    func host(_ ip: String) throws {
        let address = try SocketAddress(ipAddress: ip, port: 81)
        let host = ip.contains(":") ? "[::1]:81" : "127.0.0.1:81"
        let route = ScriptedRoutes.route("b1")
        let old = try Self.request([:], .http1_0).head(for: route, at: address)
        #expect(old.uri == "/x?y" && old.version == .http1_1 && old.headers["Host"] == [host])
        #expect(try Self.request(["Host": "a"], .http1_0).head(for: route, at: address).headers["Host"] == ["a"])
        #expect(try Self.request([:]).head(for: route, at: address).headers["Host"] == [])
    }

    @Test("Extensions are offered only to a backend that nobody follows")
    func extensions() throws {
        let request = try Self.request(["Sec-WebSocket-Extensions": "permessage-deflate"])
        let route = ScriptedRoutes.route("b1")
        #expect(request.head(for: route).headers.contains(name: "Sec-WebSocket-Extensions"))
        #expect(!request.head(for: route, isResumable: true).headers.contains(name: "Sec-WebSocket-Extensions"))
    }

    @Test("A backend that follows another hears of it, and is offered what that one chose", arguments: [nil, "chat"])
    func follows(_ subprotocol: String?) throws {
        let request = try Self.request(["Sec-WebSocket-Protocol": "other, chat", "x-verified-resumed-from": "forged"])
        let previous = try #require(BackendID("b1"))
        let head = request.head(for: ScriptedRoutes.route("b2"), after: previous, subprotocol: subprotocol)
        #expect(head.headers["Sec-WebSocket-Protocol"] == [subprotocol].compactMap(\.self))
        #expect(head.headers["x-verified-resumed-from"] == ["b1"])
        #expect(head.headers["x-verified-backend"] == ["b2"])
    }
}
