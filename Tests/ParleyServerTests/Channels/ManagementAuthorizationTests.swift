import HTTPTypes
import Hummingbird
import NIOCore
import ParleyModel
import Testing

@testable import ParleyServer

@Suite struct ManagementAuthorizationTests {
    private static func allows(
        host: String = "127.0.0.1:3001",
        origin: String? = nil,
        from address: String = "127.0.0.1"
    ) throws -> Bool {
        var fields: HTTPFields = [:]
        fields[.origin] = origin
        let head = HTTPRequest(
            method: .post,
            scheme: "http",
            authority: host,
            path: "/@connections/x",
            headerFields: fields
        )
        return ManagementAuthorization.loopback.allows(
            Request(head: head, body: RequestBody(buffer: ByteBuffer())),
            body: ByteBuffer(),
            from: try SocketAddress(ipAddress: address, port: 1),
            now: WallTime(milliseconds: 0)
        )
    }

    @Test(
        "Programs of this machine, and pages that come from it, may",
        arguments: [
            ("127.0.0.1:3001", nil), ("localhost:3001", nil), ("[::1]:3001", nil), ("LOCALHOST", nil),
            ("localhost:3001", "http://localhost:3001"), ("localhost:3001", "http://127.0.0.1:5173"),
        ] as [(String, String?)]
    )
    func local(host: String, origin: String?) throws {
        #expect(try Self.allows(host: host, origin: origin))
        #expect(try Self.allows(host: host, origin: origin, from: "::1"))
        #expect(try !Self.allows(host: host, origin: origin, from: "192.0.2.1"))
    }

    @Test(
        "Pages of others may not, whatever they make a name mean",
        arguments: [
            ("localhost:3001", "http://evil.example"), ("localhost:3001", "null"), ("localhost:3001", ""),
            ("localhost:3001", "http://localhost.evil.example"), ("evil.example:3001", nil),
            ("evil.example:3001", "http://evil.example:3001"), ("127.0.0.1.evil.example", nil),
        ] as [(String, String?)]
    )
    func foreign(host: String, origin: String?) throws {
        #expect(try !Self.allows(host: host, origin: origin))
    }
}
