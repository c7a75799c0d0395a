import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite(.timeLimit(.minutes(1))) struct ProtocolTests {
    @Test("Every type that a server has is read", arguments: RedisServer.Kind.allCases)
    func types(kind: RedisServer.Kind) async throws {
        let server = try await RedisServer.start(kind, ["enable-debug-command", "yes"])
        try await TestClient("\(server.address)").use { client in
            func debug(_ type: String) async throws -> RESPValue {
                try await client.send(RedisCommand("DEBUG", "PROTOCOL", type))
            }
            #expect(try await debug("string").text == "Hello World")
            #expect(try await debug("integer") == .integer(12_345))
            #expect(try await debug("double") == .double(3.141))
            #expect(try await debug("null") == .null)
            #expect(try await debug("array") == .array([.integer(0), .integer(1), .integer(2)]))
            #expect(try await debug("set") == .set([.integer(0), .integer(1), .integer(2)]))
            #expect(try await debug("map").pairs?.count == 3)
            #expect(
                try await debug("bignum") == .bigNumber(ByteBuffer(string: "1234567999999999999999999999999999999"))
            )
            #expect(try await debug("true") == .boolean(true))
            #expect(try await debug("false") == .boolean(false))
            #expect(try await debug("verbatim").text == "This is a verbatim\nstring")
            // Without what is remarked on it, which nobody has asked for.
            let remarked = try await debug("attrib")
            #expect(remarked == .bulk("Some real reply following the attribute"))
        }
    }
}
