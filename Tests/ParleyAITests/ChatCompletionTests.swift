import NIOCore
import ParleyDialects
import ParleyText
import Testing

@testable import ParleyAI

/// Tests of `ChatCompletion.swift` and `ChatEndpoint.swift`.
@Suite struct ChatCompletionTests {
    @Test(
        "An event of the stream has a piece, none, an error, or is not understood",
        arguments: [
            (#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel\"l"}}]}"#, .piece("Hel\"l")),
            (#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#, .piece("a")),
            (#"{"choices":[{"delta":{"content":""}}]}"#, .piece("")),
            (#"{"choices":[{"delta":{"content":null}}]}"#, .piece("")),
            (#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, .piece("")),
            (#"{"choices":[{"delta":null}]}"#, .piece("")),
            (#"{"choices":[{"message":{"content":"a"}}]}"#, .piece("")),
            (#"{"choices":[],"usage":{"total_tokens":3}}"#, .piece("")),
            (#"{"choices":null,"error":null}"#, .piece("")),
            (#"{"object":"ping"}"#, .piece("")),
            (#"{"error":{"message":"overloaded"}}"#, .failure),
            (#"{"error":"overloaded","choices":[{"delta":{"content":"a"}}]}"#, .failure),
            (#"{"choices":[{"delta":{"content":1}}]}"#, .malformed),
            (#"{"choices":[{"delta":"a"}]}"#, .malformed),
            (#"{"choices":["a"]}"#, .malformed),
            (#"{"choices":{}}"#, .malformed),
            (
                #"{"choices":[{"delta":{"content":[{"type":"text","text":"Hel"},{"type":"text","text":"lo"}]}}]}"#,
                .piece("Hello")
            ),
            (#"{"choices":[{"delta":{"content":["a",{"type":"output_text","text":"b"},null]}}]}"#, .piece("ab")),
            (#"{"choices":[{"delta":{"content":[{"type":"image_url","image_url":{"url":"x"}}]}}]}"#, .piece("")),
            (#"{"choices":[{"delta":{"content":{"type":"text","text":"a"}}}]}"#, .piece("a")),
            (#"{"choices":[{"delta":{"content":[]}}]}"#, .piece("")),
            (#"{"choices":[{"delta":{"content":[1]}}]}"#, .malformed),
            (#"{"choices":[{"delta":{"content":null,"refusal":"I cannot"}}]}"#, .piece("I cannot")),
            (#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, .piece("")),
            (#"{"choices":[{"delta":{"tool_calls":[{"id":"x"}]},"finish_reason":null}]}"#, .piece("")),
            (#"{"choices":[{"index":1,"delta":{"content":"other"}}]}"#, .piece("")),
            (#"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}"#, .piece("a")),
            (#"{"choices":[{"delta":{"content":"a"},"finish_reason":"length"}]}"#, .piece("a")),
            (#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#, .piece("a")),
            (#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#, .failure),
            (#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#, .failure),
            (#"{"choices":[{"delta":{"content":""},"error":{"message":"overloaded"}}]}"#, .failure),
            (#"{"type":"error","message":"overloaded"}"#, .failure),
            (#"{"object":"error","message":"overloaded","code":503}"#, .failure),
            (#"{"message":"overloaded"}"#, .failure),
            (#"{"detail":"Not Found"}"#, .failure),
            (#"{"usage":{"total_tokens":3}}"#, .piece("")),
            ("\n {\"choices\":\n[{\"delta\":{\"content\":\"a\"}}]}", .piece("a")),
            ("[DONE]", .done), ("[DONE] ", .done), (" [DONE]\r", .done), ("", .piece("")), ("  ", .piece("")),
            ("[]", .malformed), ("hello", .malformed), ("{", .malformed), ("[DONE]x", .malformed), ("DONE", .malformed),
        ] as [(String, ChatCompletion.Content)]
    )
    func event(json: String, expected: ChatCompletion.Content) {
        #expect(ChatCompletion.content(of: ServerSentEvents.Event(data: json)) == expected)
        #expect(ChatCompletion.content(of: ServerSentEvents.Event(name: "completion", data: json)) == expected)
        #expect(ChatCompletion.content(of: ServerSentEvents.Event(name: "error", data: json)) == .failure)
    }

    @Test("A whole answer has a message")
    func answer() {
        let json = ByteBuffer(string: #"{"choices":[{"message":{"role":"assistant","content":"Hello"}}]}"#)
        #expect(ChatCompletion.content(ofAnswer: json) == .piece("Hello"))
    }

    @Test(
        "The first byte tells what an answer is",
        arguments: [
            ("data: x", .events), (": x", .events), ("\n\nevent: x", .events), ("\u{FEFF}data: x", .events),
            ("upstream", .events),
            ("{}", .json), (" \r\n{", .json), ("\u{FEFF}{", .json), ("[", .json), ("<html>", .neither),
            ("\n <!DOCTYPE", .neither),
            ("", nil), (" \n", nil),
        ] as [(String, AnswerForm?)]
    )
    func form(beginning: String, expected: AnswerForm?) {
        #expect(AnswerForm(beginningWith: ByteBuffer(string: beginning)) == expected)
    }

    @Test("A request names the model if there is one, asks for a stream and has the turns in order")
    func request() {
        let turns = [ChatTurn(role: .system, content: "a\"b"), ChatTurn(role: .user, content: "c\n")]
        let messages =
            #""stream":true,"messages":[{"role":"system","content":"a\"b"},{"role":"user","content":"c\n"}]}"#
        #expect(String(buffer: ChatCompletion.request(model: "m-1", turns: turns)) == #"{"model":"m-1",\#(messages)"#)
        #expect(String(buffer: ChatCompletion.request(model: nil, turns: turns)) == "{" + messages)
    }

    @Test(
        "The endpoint is the base or the whole URL",
        arguments: [
            ("https://ai.test/v1", "https://ai.test/v1/chat/completions", "ai.test"),
            ("https://ai.test/v1/", "https://ai.test/v1/chat/completions", "ai.test"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/chat/completions", "127.0.0.1"),
            ("https://ai.test/v1/chat/completions", "https://ai.test/v1/chat/completions", "ai.test"),
            ("https://ai.test/v1/chat/completions/", "https://ai.test/v1/chat/completions", "ai.test"),
            ("https://ai.test/d/x?api-version=1#top", "https://ai.test/d/x/chat/completions?api-version=1", "ai.test"),
            ("HTTPS://user:secret@ai.test/v1", "HTTPS://user:secret@ai.test/v1/chat/completions", "ai.test"),
        ]
    )
    func endpoint(setting: String, url: String, host: String) throws {
        let endpoint = try ChatEndpoint(setting: setting)
        #expect(endpoint.url == url)
        #expect(endpoint.host == host)
    }

    @Test(
        "What is no HTTP URL is refused, and not repeated",
        arguments: ["", "ai.test/v1", "/v1", "ftp://secret.test/v1", "https://", "https:///v1", "file:///secret"]
    )
    func noEndpoint(setting: String) {
        let error = #expect(throws: ChatProviderError.self) { try ChatEndpoint(setting: setting) }
        #expect(error?.code == .invalidURL)
        #expect(error?.message.contains("AI_API_URL") == true)
        #expect(error?.message.contains("secret") == false)
    }
}
