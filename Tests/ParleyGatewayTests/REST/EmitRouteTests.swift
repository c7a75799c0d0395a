import HTTPTypes
import NIOCore
import ParleyHTTPTesting
import Testing

@testable import ParleyGateway

/// Tests of `EmitRoute.swift`.
@Suite struct EmitRouteTests {
    @Test(
        "An event reaches a session or a user, its data as it came",
        arguments: [
            (
                "{\"event\":\"e\",\"data\":{ \"a\": [1.0, \"\\u00e9\"] },\"session\":\"abc\"}",
                .emit(event: "e", data: "{ \"a\": [1.0, \"\\u00e9\"] }", session: "abc", user: nil)
            ),
            (
                "{\"user\":\"u1\",\"data\":\"text\",\"event\":\"e:f\"}",
                .emit(event: "e:f", data: "\"text\"", session: nil, user: "u1")
            ),
            ("{\"event\":\"e\",\"user\":\"u1\"}", .emit(event: "e", data: "null", session: nil, user: "u1")),
            (
                "{\"event\":\"e\",\"data\":null,\"user\":\"u1\"}",
                .emit(event: "e", data: "null", session: nil, user: "u1")
            ),
        ] as [(String, RecordingConnections.Call)]
    )
    func emit(body: String, call: RecordingConnections.Call) async throws {
        let gateway = TestGateway()
        try await gateway.addSession("abc")
        let answer = try await gateway.send(.post, "/api/emit", body, headers: .admin)
        #expect(answer.line == "200 {\"success\":true,\"message\":\"Event sent\",\"connections\":3}")
        #expect(gateway.live.calls == [call])
    }

    @Test(
        "A body that says nothing",
        arguments: [
            "", "null", "[]", "{}", "{\"event\":\"\",\"user\":\"u1\"}",
            "{\"event\":1,\"user\":\"u1\"}", "{\"data\":1,\"user\":\"u1\"}", "{\"event\":\"e\",\"user\":1}",
            "{\"event\":\"e\",\"data\":,\"user\":\"u1\"}",
        ]
    )
    func badBody(body: String) async throws {
        let gateway = TestGateway()
        #expect(try await gateway.send(.post, "/api/emit", body, headers: .admin).status == 400)
        #expect(gateway.live.calls.isEmpty)
    }

    @Test(
        "Whom it is for must be said well, even beside somebody else",
        arguments: [
            "{\"event\":\"e\",\"session\":5,\"user\":\"u1\"}",
            "{\"event\":\"e\",\"session\":\"\",\"user\":\"u1\"}",
            "{\"event\":\"e\",\"user\":\"\"}",
        ]
    )
    func badRecipient(body: String) async throws {
        let gateway = TestGateway()
        #expect(try await gateway.send(.post, "/api/emit", body, headers: .admin).status == 400)
        #expect(gateway.live.calls.isEmpty)
    }

    @Test("What is no UTF-8 reaches nobody, as no text frame may have it")
    func notUTF8() {
        var body = ByteBuffer(string: "{\"data\":\"")
        body.writeInteger(0xFF as UInt8)
        body.writeString("\"}")
        #expect(JSONFields(body)?.has("data") == nil)
    }

    @Test("Names by which Socket.IO says other things", arguments: ["connect", "disconnect", "connect_error"])
    func reserved(event: String) async throws {
        let gateway = TestGateway()
        let body = "{\"event\":\"\(event)\",\"user\":\"u1\"}"
        #expect(try await gateway.send(.post, "/api/emit", body, headers: .admin).status == 400)
        #expect(gateway.live.calls.isEmpty)
    }

    @Test("The session must be there", arguments: ["unknown", "old"])
    func noSession(token: String) async throws {
        let gateway = TestGateway()
        try await gateway.addSession("old", lifetime: 0)
        let body = "{\"event\":\"e\",\"session\":\"\(token)\"}"
        let answer = try await gateway.send(.post, "/api/emit", body, headers: .admin)
        #expect(answer.line == "404 {\"success\":false,\"error\":\"No such session\"}")
        #expect(gateway.live.calls.isEmpty)
    }

    @Test("Only the admin token emits", arguments: ["", "abc", "open sesame!"])
    func adminToken(token: String) async throws {
        let gateway = TestGateway()
        try await gateway.addSession("abc")
        let body = "{\"event\":\"e\",\"session\":\"abc\"}"
        let answer = try await gateway.send(.post, "/api/emit", body, headers: .bearer(token))
        #expect(answer.status == 401)
        #expect(gateway.live.calls.isEmpty)
    }
}
