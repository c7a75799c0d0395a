import Testing

@testable import ParleyTesting

@Suite("Transcript parser")
struct TranscriptParserTests {
    private func actions(_ text: String) throws -> [Transcript.Action] {
        try Transcript(text, file: "t.txt").steps.map(\.action)
    }

    private func request(_ target: Substring, _ header: String? = nil) throws -> Transcript.Request {
        Transcript.Request(target: try TranscriptPattern(target), header: header)
    }

    @Test("Every kind of line is read")
    func lines() throws {
        let text = """
            # comment

            A: connect /x?y=1
            A: connect /x Origin: http://z
            B2: refused 401 GET /?token=bad
            A> {"a": 1}
            A>
            A>> 00 fF
            A<  two spaces
            A<< 7b
            A: silent
            A! 1008 Room is full
            A! 1001
            A: close 1000
            A: close 4000 see you
            """
        let steps = try Transcript(text, file: "t.txt").steps
        #expect(steps.map(\.line) == Array(3...15))
        #expect(steps.map(\.client) == ["A", "A", "B2"] + Array(repeating: "A", count: 10))
        #expect(
            try steps.map(\.action) == [
                .connect(self.request("/x?y=1")),
                .connect(self.request("/x", "Origin: http://z")),
                .refused(status: 401, self.request("/?token=bad")),
                .send(TranscriptPattern(#"{"a": 1}"#)),
                .send(TranscriptPattern("")),
                .sendBinary([0, 255]),
                .expect(TranscriptPattern(" two spaces")),
                .expectBinary([0x7b]),
                .silent,
                .closed(code: 1008, reason: "Room is full"),
                .closed(code: 1001, reason: ""),
                .close(code: 1000, reason: ""),
                .close(code: 4000, reason: "see you"),
            ]
        )
    }

    @Test("Spaces within a hole do not end the target")
    func target() throws {
        #expect(
            try self.actions("A: connect /?token={{token alice lobby}}&x Host: y")
                == [.connect(self.request("/?token={{token alice lobby}}&x", "Host: y"))]
        )
    }

    @Test(
        "A line that cannot be read is named",
        arguments: [
            "A", ": connect /", "A? x", "A: connect x", "A: connect /x y", "A: jump", "A: refused GET /",
            "A: refused 401 POST /",
            "A: refused 99 GET /", "A! 999 x", "A! Room is full", "A: close", "A: close 5000", "A>> 0", "A>> zz",
            "A<< +1",
            "A: silent now", "A< {{uuid", "A< {{what}}", "A> {{uuid}}", "A> {{=x}}", "A< {{=x}}", "A< {{token a b}}",
            "A> {{repeat x}}", "A> {{repeat x 0}}", "A< {{uuid:x}}{{uuid:x}}",
        ]
    )
    func syntaxErrors(_ line: String) {
        let failure = #expect(throws: TranscriptFailure.self) { try Transcript("# first\n\(line)\n", file: "t.txt") }
        #expect(failure?.description.hasPrefix("t.txt:2: ") == true)
    }
}

@Suite("Transcript patterns")
struct TranscriptPatternTests {
    private static let uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"

    @Test(
        "Text fits its pattern exactly",
        arguments: [
            ("abc", "abc", true), ("abc", "abcd", false), ("abc", "ab", false), ("", "", true), ("", "x", false),
            ("{{uuid}}", uuid, true), ("{{uuid}}", uuid.uppercased(), false), ("{{uuid}}", uuid + "0", false),
            ("{{uuid}}", "0f8fad5b-d9cb-169f-a165-70867728950e", false),
            ("<{{nanoid}}>", "<V1StGXR8_Z5jdHi6B-myT>", true), ("<{{nanoid}}>", "<V1StGXR8_Z5jdHi6B-my>", false),
            ("{{id}}", "0123456789abcDE_", true), ("{{id}}", "0123456789abcDE=", false),
            ("{{time}}", "2024-01-01T12:00:00.000Z", true), ("{{time}}", "2024-01-01T12:00:00Z", false),
            ("\"{{text}}\"", "\"some text\"", true), ("\"{{text}}\"", "\"\"", false),
            ("{{repeat ab 3}}", "ababab", true), ("{{repeat ab 3}}", "abab", false),
            ("{{uuid:a}} {{=a}}", "\(uuid) \(uuid)", true),
            ("{{uuid:a}} {{=a}}", "\(uuid) 1f8fad5b-d9cb-469f-a165-70867728950e", false),
            // The same letter to people, not the same bytes.
            ("\u{e9}", "e\u{301}", false), ("e", "e\u{301}", false),
        ]
    )
    func matches(_ pattern: String, _ text: String, _ fits: Bool) throws {
        var captures: [String: String] = [:]
        #expect(try TranscriptPattern(pattern[...]).matches(text, &captures) == fits)
    }

    @Test("What was captured can be sent, and only a text that fits captures")
    func captures() async throws {
        var captures: [String: String] = [:]
        let pattern = try TranscriptPattern("id={{uuid:me}};")
        #expect(!pattern.matches("id=\(Self.uuid)", &captures))
        #expect(captures.isEmpty)
        #expect(pattern.matches("id=\(Self.uuid);", &captures))
        let sent = try TranscriptPattern("{{=me}} {{token alice lobby}} {{repeat x 3}}")
        #expect(try await sent.expand(captures) { "\($0)@\($1)" } == "\(Self.uuid) alice@lobby xxx")
    }
}
