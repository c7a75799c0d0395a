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

    @Test(
        "An answer is passed on piece by piece, and ends with [DONE] or the stream",
        arguments: [
            ([.bytes(event("a")), .bytes(event("b ")), .bytes("data: [DONE]\n\n"), .end], ["a", "b "]),
            ([.bytes(event("a")), .end], ["a"]),
            ([.bytes(event("a") + event("") + event("b")), .end], ["a", "b"]),
            ([.bytes("data: {\"choices\":[{\"delta\":{\"cont"), .bytes("ent\":\"ab\"}}]}\r\n\r\n"), .end], ["ab"]),
            (
                [.bytes(": waiting\n\n"), .bytes(event("a")), .bytes("data: {\"choices\":[],\"usage\":{}}\n\n"), .end],
                ["a"]
            ),
            ([.bytes(event("a") + "data: [DONE]\n\n" + event("after"))], ["a"]),
            ([.end], []),
        ] as [([ScriptedUpstream.Step], [String])]
    )
    func streams(steps: [ScriptedUpstream.Step], expected: [String]) async throws {
        let answer = try await Self.ask([.head(.ok)] + steps)
        #expect(answer.pieces == expected)
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

    @Test("A provider that does not stream is understood")
    func whole() async throws {
        let answer = try await Self.ask([
            .head(.ok, contentType: "application/json; charset=utf-8"), .bytes(#"{"choices":[{"message":"#),
            .bytes(#"{"content":"Hello there"}}]}"#), .end,
        ])
        #expect(answer.pieces == ["Hello there"])
        #expect(answer.error == nil)
    }

    @Test(
        "What goes wrong is an error with a code, after the pieces that came before it",
        arguments: [
            ([.head(.unauthorized), .bytes("key-1 is wrong"), .end], [], .refused),
            ([.head(.found), .end], [], .refused),
            ([.head(.internalServerError), .end], [], .refused),
            ([.close], [], .connectionFailed),
            ([.head(.ok), .bytes(event("a")), .close], ["a"], .connectionFailed),
            ([.head(.ok), .bytes("data: {\"error\":{\"message\":\"key-1\"}}\n\n"), .end], [], .failed),
            ([.head(.ok), .bytes(event("a")), .bytes("data: <html>\n\n"), .end], ["a"], .malformedAnswer),
            ([.head(.ok), .bytes(String(repeating: "x", count: 65 * 1024)), .end], [], .malformedAnswer),
            ([.head(.ok, contentType: "application/json"), .bytes("{}x"), .end], [], .malformedAnswer),
        ] as [([ScriptedUpstream.Step], [String], ChatProviderError.Code)]
    )
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
