import NIOCore
import NIOHTTP1
import Testing

@testable import ParleyTransport

@Suite struct ClientAddressTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var peer = "10.0.0.1"
        let headers: [(String, String)]
        /// `nil`: nobody knows.
        let client: String?
        var testDescription: String { "\(self.headers) from \(self.peer)" }

        init(_ client: String?, _ headers: [(String, String)], peer: String = "10.0.0.1") {
            (self.client, self.headers, self.peer) = (client, headers, peer)
        }
    }

    private static let for203 = "203.0.113.9"

    static let rows: [Row] = [
        // Who is not trusted is the client, whatever it says.
        Row("198.51.100.1", [("X-Forwarded-For", for203)], peer: "198.51.100.1"),
        Row("198.51.100.1", [("Forwarded", "for=" + for203), ("X-Real-IP", for203)], peer: "198.51.100.1"),
        Row("10.0.0.1", []),
        Row(for203, [("X-Forwarded-For", for203)]),
        Row(for203, [("x-forwarded-for", for203)], peer: "::ffff:10.0.0.1"),
        // The rightmost that is no proxy; what stands before it is the client's own.
        Row(for203, [("X-Forwarded-For", "1.1.1.1, \(for203)")]),
        Row(for203, [("X-Forwarded-For", "1.1.1.1, \(for203), 10.0.0.2, 10.9.9.9")]),
        Row(for203, [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", for203)]),
        Row("10.0.0.3", [("X-Forwarded-For", "10.0.0.3, 10.0.0.2")]),
        // What is no address is somebody whom nobody knows, and never the proxy.
        Row(nil, [("X-Forwarded-For", "unknown")]),
        Row(nil, [("X-Forwarded-For", "\(for203), garbage, 10.0.0.2")]),
        Row(nil, [("X-Forwarded-For", "unknown, 10.0.0.2")]),
        Row(nil, [("X-Forwarded-For", "")]),
        Row(nil, [("X-Forwarded-For", "\(for203),")]),
        Row(nil, [("X-Forwarded-For", "\"\(for203)\"")]),
        Row(nil, [("X-Forwarded-For", "localhost")]),
        Row(nil, [("X-Forwarded-For", "fe80::1%eth0")]),
        Row(nil, [("X-Forwarded-For", "127.1")]),
        Row(nil, [("X-Forwarded-For", "unknown"), ("X-Real-IP", for203)]),
        Row(for203, [("X-Forwarded-For", "unknown, \(for203)")]),
        // A proxy that speaks for somebody, and does not say for whom.
        Row(nil, [("X-Forwarded-Proto", "https")]),
        Row(nil, [("Via", "1.1 proxy")]),
        // What a client has begun to quote, or put an accent on, does not hide what the proxy adds.
        Row(for203, [("X-Forwarded-For", "\"1.1.1.1, \(for203)")]),
        Row(for203, [("X-Forwarded-For", "\"1.1.1.1, \"\\, \(for203)")]),
        Row(for203, [("Forwarded", "for=\", for=\(for203)")]),
        Row("2001:db8::7", [("Forwarded", "for=\"\\, for=\"[2001:db8::7]\"")]),
        Row(for203, [("Forwarded", "for=1.1.1.1;host=\"a\", for=\(for203)")]),
        // White space of other alphabets is a part of it, as it is for those to whom it is passed on.
        Row(nil, [("X-Forwarded-For", "\u{A0}\(for203)")]),
        // With ports, and of IPv6.
        Row(for203, [("X-Forwarded-For", for203 + ":4711")]),
        Row("2001:db8::7", [("X-Forwarded-For", "2001:DB8:0:0::7")]),
        Row("2001:db8::7", [("X-Forwarded-For", "[2001:db8::7]")]),
        Row("2001:db8::7", [("X-Forwarded-For", "[2001:db8::7]:4711")]),
        Row(nil, [("X-Forwarded-For", "[2001:db8::7]x")]),
        Row(nil, [("X-Forwarded-For", for203 + ":")]),
        // RFC 7239 §4.
        Row(for203, [("Forwarded", "for=\(for203)")]),
        Row("192.0.2.43", [("Forwarded", "For=\"1.1.1.1\";proto=http, proto=https ; for=192.0.2.43;by=10.0.0.1")]),
        Row("2001:db8:cafe::17", [("Forwarded", "for=\"[2001:db8:cafe::17]:4711\"")]),
        Row("192.0.2.43", [("Forwarded", "host=\"a,b;for=1.1.1.1\";for=192.0.2.43")]),
        Row(nil, [("Forwarded", "for=unknown"), ("X-Real-IP", for203)]),
        Row(nil, [("Forwarded", "for=_hidden, for=\"_SEVKISEK\"")]),
        Row(nil, [("Forwarded", "proto=https")]),
        Row("192.0.2.1", [("Forwarded", "for=192.0.2.60"), ("X-Forwarded-For", "192.0.2.1")]),
        Row(for203, [("X-Real-IP", for203)]),
        Row(nil, [("X-Real-IP", "nobody")]),
        // Other spellings are no fields of proxies.
        Row("10.0.0.1", [("X_Forwarded_For", for203), ("X-Forwarded_For", for203)]),
    ]

    @Test("The client is the first from the right that is no trusted proxy", arguments: rows)
    func resolves(_ row: Row) throws {
        let peer = try SocketAddress(ipAddress: row.peer, port: 40_000)
        let proxies = try TrustedProxies("10.0.0.0/8")
        let client = ClientAddress(peer: peer, HTTPHeaders(row.headers), trusting: proxies)
        #expect(client.address?.clientIP == row.client)
        #expect(client.isPeerTrusted == (row.peer.hasSuffix("10.0.0.1")))
        #expect(ClientAddress(peer: peer, HTTPHeaders(row.headers), trusting: .none).address == peer)
    }

    @Test("A chain without end is not followed")
    func bounded() throws {
        let peer = try SocketAddress(ipAddress: "10.0.0.1", port: 40_000)
        let chain = Array(repeating: "10.0.0.2", count: 5000).joined(separator: ",")
        let client = ClientAddress(peer: peer, ["X-Forwarded-For": chain], trusting: try TrustedProxies("10.0.0.0/8"))
        #expect(client.address?.clientIP == "10.0.0.2")
    }
}
