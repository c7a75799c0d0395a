import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParleyDialects
import Testing

@testable import ParleyAI

/// Tests of `OpenAIChatProvider.swift`, against a server on this machine.
@Suite struct OpenAIChatProviderTests {
    static let turns = [ChatTurn(role: .system, content: "Be kind."), ChatTurn(role: .user, content: "Hello")]

    static func event(_ content: String) -> String {
        "data: {\"choices\":[{\"delta\":{\"content\":\"\(content)\"}}]}\n\n"
    }

    /// Asks an upstream that follows `script`.
    static func ask(
        _ script: [ScriptedUpstream.Step],
        apiKey: String? = "key-1",
        client: HTTPClient? = nil
    ) async throws -> (pieces: [String], error: (any Error)?, requests: [ScriptedUpstream.Received]) {
        try await ScriptedUpstream.run(script) { upstream in
            let provider = try OpenAIChatProvider(
                baseURL: upstream.baseURL,
                apiKey: apiKey,
                model: "model-1",
                client: client
            )
            var pieces: [String] = []
            var failure: (any Error)?
            do {
                for try await piece in provider.answer(to: Self.turns, locale: "en") { pieces.append(piece) }
            } catch {
                failure = error
            }
            try await provider.shutdown()
            return (pieces, failure, upstream.requests)
        }
    }

    private static let (a, b) = (event("a"), event("b"))
    private static let done = "data: [DONE]\n\n"
    private static let long = String(repeating: "x", count: 100_000)

    static let streamCases: [(steps: [ScriptedUpstream.Step], pieces: [String])] = [
        ([.bytes(a), .bytes(event("b ")), .bytes(done), .end], ["a", "b "]),
        ([.bytes(a), .end], ["a"]),
        ([.bytes(a), .bytes(event("")), .bytes(b), .end], ["a", "b"]),
        ([.bytes("data: {\"choices\":[{\"delta\":{\"cont"), .bytes("ent\":\"ab\"}}]}\r\n\r\n"), .end], ["ab"]),
        ([.bytes(": waiting\n\n"), .bytes(a), .bytes("data: {\"choices\":[],\"usage\":{}}\n\n"), .end], ["a"]),
        ([.bytes(a), .bytes("\(done)\(b)")], ["a"]),
        ([.end], []),
        // To keep the connection alive.
        ([.bytes("data:\n\n"), .bytes(a), .bytes("data: \n\n:\n\n"), .bytes(b), .end], ["a", "b"]),
        ([.bytes(a), .bytes("data: [DONE] \n\n\(b)")], ["a"]),
        (
            [.bytes("data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}}]}\n\n"), .end],
            ["a"]
        ),
        ([.bytes(event(long)), .end], [long]),
        ([.bytes(a.replacing("\n", with: "\r")), .bytes(b.replacing("\n", with: "\r")), .end], ["a", "b"]),
        ([.bytes(a.replacing("\n", with: "\r\n")), .end], ["a"]),
        ([.bytes("\u{FEFF}\(a)"), .end], ["a"]),
        ([.bytes("data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"a\"}}]}\n\n"), .end], ["a"]),
        ([.bytes("id: 1\nretry: 5\nevent: message\n\(a)"), .end], ["a"]),
        // Without the empty line behind the last.
        ([.bytes(a), .bytes(String(b.dropLast(2))), .end], ["a", "b"]),
        ([.bytes(a), .bytes("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"), .end], ["a"]),
    ]

    @Test("An answer is passed on piece by piece, and ends with [DONE] or the stream", arguments: Self.streamCases)
    func streams(steps: [ScriptedUpstream.Step], pieces: [String]) async throws {
        let answer = try await Self.ask([.head(.ok)] + steps)
        #expect(answer.pieces == pieces)
        #expect(answer.error == nil)
    }

    @Test("The request is a POST with the key, the model and the turns", arguments: ["key-1", nil])
    func request(apiKey: String?) async throws {
        let request = try #require(try await Self.ask([.head(.ok), .end], apiKey: apiKey).requests.first)
        #expect(request.head.method == .POST)
        #expect(request.head.uri == "/v1/chat/completions")
        #expect(request.head.headers["Authorization"] == (apiKey.map { ["Bearer \($0)"] } ?? []))
        #expect(request.head.headers["Content-Type"] == ["application/json"])
        #expect(request.body == String(buffer: ChatCompletion.request(model: "model-1", turns: Self.turns)))
    }

    @Test("Characters are whole, wherever their bytes are cut")
    func cutCharacters() async throws {
        let bytes = Array(Self.event("سلام 😀 é").utf8)
        let answer = try await Self.ask([.head(.ok)] + bytes.map { .raw([$0]) } + [.end])
        #expect(answer.pieces == ["سلام 😀 é"])
        #expect(answer.error == nil)
    }

    @Test(
        "A provider that does not stream is understood, whatever it calls its answer",
        arguments: [
            "application/json; charset=utf-8", "application/json", "text/event-stream", "text/plain",
            "application/x+json",
        ]
    )
    func whole(contentType: String) async throws {
        let answer = try await Self.ask([
            .head(.ok, contentType: contentType), .bytes(#" {"choices":[{"message":"#),
            .bytes(#"{"content":"Hello there"}}]}"#), .end,
        ])
        #expect(answer.pieces == ["Hello there"])
        #expect(answer.error == nil)
    }

    static let failureCases: [(script: [ScriptedUpstream.Step], pieces: [String], code: ChatProviderError.Code)] = [
        ([.head(.unauthorized), .bytes("key-1 is wrong"), .end], [], .refused),
        ([.head(.found), .end], [], .refused),
        ([.head(.internalServerError), .end], [], .refused),
        ([.close], [], .connectionFailed),
        ([.head(.ok), .bytes(a), .close], ["a"], .connectionFailed),
        ([.head(.ok), .bytes("data: {\"error\":{\"message\":\"key-1\"}}\n\n"), .end], [], .failed),
        ([.head(.ok), .bytes(a), .bytes("data: <html>\n\n"), .end], ["a"], .malformedAnswer),
        ([.head(.ok), .bytes(String(repeating: "x", count: 513 * 1024)), .end], [], .malformedAnswer),
        ([.head(.ok, contentType: "application/json"), .bytes("{}x"), .end], [], .malformedAnswer),
        ([.head(.ok), .bytes(a), .bytes("event: error\ndata: {\"message\":\"key-1\"}\n\n"), .end], ["a"], .failed),
        ([.head(.ok), .bytes(a), .bytes("event: error\n\n"), .end], ["a"], .failed),
        ([.head(.ok), .bytes(a), .bytes("data: {\"error\":\"key-1\"}\n\n\(done)")], ["a"], .failed),
        ([.head(.ok), .bytes(a), .bytes("data: {\"message\":\"key-1\"}\n\n"), .end], ["a"], .failed),
        ([.head(.ok), .bytes(a), .bytes("error: {\"code\":500}\n\n"), .end], ["a"], .failed),
        ([.head(.ok), .bytes(a), .bytes("{\"error\":{\"message\":\"key-1\"}}\n"), .end], ["a"], .malformedAnswer),
        ([.head(.ok), .bytes(a), .bytes("data: {\"choices\":[{\"del"), .end], ["a"], .malformedAnswer),
        (
            [
                .head(.ok), .bytes(a),
                .bytes("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n"), .end,
            ], ["a"], .failed
        ),
        (
            [.head(.ok, contentType: "application/json"), .bytes("{\"error\":{\"message\":\"key-1\"}}"), .end], [],
            .failed
        ),
        ([.head(.ok), .bytes("{\"error\":{\"message\":\"key-1\"}}"), .end], [], .failed),
        ([.head(.ok, contentType: "text/html"), .bytes("<html>key-1</html>"), .end], [], .malformedAnswer),
        ([.head(.ok), .bytes("\n<!DOCTYPE html>"), .end], [], .malformedAnswer),
        (
            [.head(.ok, contentType: "application/json"), .bytes(String(repeating: " ", count: 1_600_000)), .end], [],
            .answerTooLong
        ),
    ]

    @Test("What goes wrong is an error with a code, after the pieces that came before it", arguments: Self.failureCases)
    func failures(script: [ScriptedUpstream.Step], pieces: [String], code: ChatProviderError.Code) async throws {
        let answer = try await Self.ask(script)
        #expect(answer.pieces == pieces)
        let error = try #require(answer.error as? ChatProviderError)
        #expect(error.code == code)
        #expect(!error.message.contains("key-1"))
        #expect((error.status != nil) == (code == .refused))
    }

    @Test("A status is told, without the body")
    func status() async throws {
        let answer = try await Self.ask([.head(.tooManyRequests), .bytes("secret"), .end])
        let error = try #require(answer.error as? ChatProviderError)
        #expect(error.status == 429)
        #expect(error.message == "127.0.0.1 answered with HTTP status 429")
    }

    @Test(
        "When it may be asked again is told, if it is a number",
        arguments: [("7", ": it may be asked again in 7 s"), ("Fri, 31 Dec 1999 23:59:59 GMT", ""), ("-1", "")]
    )
    func retryAfter(value: String, text: String) async throws {
        let answer = try await Self.ask([.head(.tooManyRequests, fields: ["Retry-After": value]), .end])
        let error = try #require(answer.error as? ChatProviderError)
        #expect(error.message == "127.0.0.1 answered with HTTP status 429" + text)
    }

    @Test("An answer that is compressed without being asked for is none")
    func compressed() async throws {
        let answer = try await Self.ask([.head(.ok, fields: ["Content-Encoding": "gzip"]), .bytes("x"), .end])
        #expect((answer.error as? ChatProviderError)?.code == .malformedAnswer)
    }

    @Test("An answer that does not come to an end is cut off, however lively it is")
    func endless() async throws {
        let script: [ScriptedUpstream.Step] = [.head(.ok), .bytes(Self.event("a")), .forever(": still thinking\n\n")]
        try await ScriptedUpstream.run(script) { upstream in
            let provider = try OpenAIChatProvider(
                baseURL: upstream.baseURL,
                apiKey: nil,
                model: nil,
                client: nil,
                maximumDuration: .milliseconds(100)
            )
            let error = await #expect(throws: ChatProviderError.self) {
                for try await _ in provider.answer(to: Self.turns, locale: nil) {}
            }
            #expect(error?.code == .timedOut)
            try await provider.shutdown()
        }
    }

    @Test("Space around a key is no part of it", arguments: ["key-1\n", " key-1\r\n", "\tkey-1 "])
    func keyFromAFile(key: String) async throws {
        let request = try #require(try await Self.ask([.head(.ok), .end], apiKey: key).requests.first)
        #expect(request.head.headers["Authorization"] == ["Bearer key-1"])
    }

    @Test(
        "A key that cannot stand in a header field is refused, and not repeated",
        arguments: ["key\n1", "key\u{0}1", "ké1"]
    )
    func badKey(key: String) {
        let error = #expect(throws: ChatProviderError.self) {
            try OpenAIChatProvider(baseURL: "http://127.0.0.1:1/v1", apiKey: key, model: nil)
        }
        #expect(error?.code == .invalidKey)
        #expect(error?.message.contains("AI_API_KEY") == true)
        #expect(error?.message.contains("1") == false)
    }

    @Test("An endless answer is cut off")
    func tooLong() async throws {
        let piece = String(repeating: "x", count: 32 * 1024)
        let answer = try await Self.ask([.head(.ok)] + Array(repeating: .bytes(Self.event(piece)), count: 20))
        #expect(answer.pieces.count == 8)
        #expect((answer.error as? ChatProviderError)?.code == .answerTooLong)
    }

    @Test(
        "Silence ends with an error",
        arguments: [[], [.head(.ok)], [.head(.ok), .bytes(event("a"))]] as [[ScriptedUpstream.Step]]
    )
    func silence(script: [ScriptedUpstream.Step]) async throws {
        var configuration = OpenAIChatProvider.clientConfiguration
        #expect(configuration.timeout.read == .seconds(60))
        configuration.timeout.read = .milliseconds(100)
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let answer = try await Self.ask(script, client: client)
        #expect((answer.error as? ChatProviderError)?.code == .timedOut)
    }

    @Test("Nobody listening is an error")
    func noListener() async throws {
        let url = try await ScriptedUpstream.run([]) { $0.baseURL }
        let provider = try OpenAIChatProvider(baseURL: url, apiKey: nil, model: nil)
        #expect(provider.name == "127.0.0.1")
        let error = await #expect(throws: ChatProviderError.self) {
            for try await _ in provider.answer(to: Self.turns, locale: nil) {}
        }
        #expect(error?.code == .connectionFailed)
        try await provider.shutdown()
    }

    @Test("Cancelling the consumer ends the upstream request", arguments: [false, true])
    func cancellation(afterFirstPiece: Bool) async throws {
        let script: [ScriptedUpstream.Step] = afterFirstPiece ? [.head(.ok), .bytes(Self.event("a"))] : [.head(.ok)]
        try await ScriptedUpstream.run(script) { upstream in
            let provider = try OpenAIChatProvider(baseURL: upstream.baseURL, apiKey: nil, model: nil)
            let (pieces, piece) = AsyncStream.makeStream(of: String.self)
            let consumer = Task {
                for try await text in provider.answer(to: Self.turns, locale: nil) { piece.yield(text) }
            }
            if afterFirstPiece {
                var iterator = pieces.makeAsyncIterator()
                #expect(await iterator.next() == "a")
            } else {
                while upstream.requests.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            }
            consumer.cancel()
            var disconnections = upstream.disconnections.makeAsyncIterator()
            await disconnections.next()
            _ = await consumer.result
            try await provider.shutdown()
        }
    }
}
