import HTTPTypes
import ParleyDialects
import ParleyHTTPTesting
import Testing

@testable import ParleyGateway

/// Tests of `ChatRoutes.swift`.
@Suite struct ChatRoutesTests {
    @Test("The whole answer comes at once")
    func chat() async throws {
        let answer = try await TestGateway().send(.post, "/api/ai/chat", "{\"message\":\"Hi\"}")
        #expect(
            answer.line
                == "200 {\"success\":true,\"response\":\"Hello there\",\"timestamp\":\"2026-01-01T00:00:00.000Z\"}"
        )
    }

    @Test("There must be a message", arguments: ["", "null", "{}", "{\"message\":\"\"}", "{\"message\":5}", "Hi"])
    func noMessage(body: String) async throws {
        let answer = try await TestGateway().send(.post, "/api/ai/chat", body)
        #expect(answer.line == "400 {\"success\":false,\"error\":\"Message is required\"}")
    }

    @Test("Of at most 2000 characters")
    func longMessage() async throws {
        let gateway = TestGateway()
        for (length, status) in [(ChatRequest.maximumMessageLength, 200), (ChatRequest.maximumMessageLength + 1, 400)] {
            let body = "{\"message\":\"\(String(repeating: "a", count: length))\"}"
            #expect(try await gateway.send(.post, "/api/ai/chat", body).status == status)
        }
    }

    @Test("An answer that breaks off is none", arguments: [[], ["Hel"]] as [[String]])
    func brokeOff(pieces: [String]) async throws {
        let gateway = TestGateway(chat: ScriptedChat(pieces: pieces, breaksOff: true))
        let answer = try await gateway.send(.post, "/api/ai/chat", "{\"message\":\"Hi\"}")
        #expect(answer.status == 502)
        #expect(answer.body.hasPrefix("{\"success\":false,"))
    }

    @Test("The status names who answers")
    func status() async throws {
        let answer = try await TestGateway().send(.get, "/api/ai/status")
        #expect(
            answer.line
                == "200 {\"success\":true,\"status\":\"available\",\"provider\":\"scripted\","
                + "\"timestamp\":\"2026-01-01T00:00:00.000Z\"}"
        )
    }
}
