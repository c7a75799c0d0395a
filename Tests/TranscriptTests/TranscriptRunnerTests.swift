import ParleyTesting
import Testing

@Suite("Transcript runner", .timeLimit(.minutes(1)))
struct TranscriptRunnerTests {
    @Test(
        "What goes otherwise is reported with its place, what was expected, and what came",
        arguments: [
            ("A: connect /relay\nA> x\nA< y", "3: expected y, got x"),
            ("A: connect /relay\nA>> 01\nA< y", "3: expected y, got binary 01"),
            ("A: connect /relay\nA>> 01\nA<< 02", "3: expected binary 02, got binary 01"),
            ("A: connect /relay\nA< y", "2: expected y, got nothing within 0.05 seconds"),
            ("A: connect /relay\nA> x\nA: silent", "3: expected A to receive no more, got x"),
            ("A: connect /relay\nA> x\nA: close 1000", "3: expected A to receive no more, got x"),
            ("A: connect /relay\nA> x", "2: expected A to receive no more, got x"),
            ("A: connect /relay\nA> x\nA! 1000 bye", "3: expected a close with 1000 'bye', got x"),
            (
                "A: connect /channels\nA>> 01\nA! 1003 no",
                "3: expected a close with 1003 'no', got a close with 1003 'Binary messages are not accepted'"
            ),
            (
                "A: connect /channels\nA>> 01\nA< x",
                "3: expected x, got a close with 1003 'Binary messages are not accepted'"
            ),
            ("A> x", "1: expected 'A: connect /path' before, got none"),
            ("A: connect /relay\nA: connect /relay", "2: expected a client that is not connected, got A, which is"),
            ("A: refused 401 GET /relay", "1: expected status 401, got status 101 and a connection"),
        ]
    )
    func failures(_ text: String, _ message: String) async throws {
        try await TranscriptServer.withServer { baseURL, token in
            var runner = TranscriptRunner(baseURL: baseURL, token: token)
            runner.timeout = .milliseconds(message.contains("nothing") ? 50 : 5000)
            let failure = await #expect(throws: TranscriptFailure.self) {
                try await runner.run(Transcript(text, file: "t.txt"))
            }
            #expect(failure?.description == "t.txt:\(message)")
        }
    }

    @Test("A refusal with another status says which")
    func refusal() async throws {
        try await TranscriptServer.withServer { baseURL, token in
            let failure = await #expect(throws: TranscriptFailure.self) {
                try await TranscriptRunner(baseURL: baseURL, token: token).run(
                    Transcript("A: refused 400 GET /", file: "t.txt")
                )
            }
            #expect(failure?.message.contains("expected status 101, got 401 Unauthorized") == true)
        }
    }
}
