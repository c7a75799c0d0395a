import ParleyText
import Testing

/// Tests of `ServerSentEvents.swift`.
@Suite struct ServerSentEventsTests {
    static let streams: [(String, [String])] = [
        ("", []),
        ("data: a\n\n", ["a"]),
        ("data: a\r\n\r\n", ["a"]),
        ("data: a\r\r", ["a"]),
        ("data: a\r\n\rdata: b\n\r\n", ["a", "b"]),
        ("data:a\n\ndata:  b\n\n", ["a", " b"]),
        ("data: a\ndata: b\n\n", ["a\nb"]),
        ("data: a\ndata\ndata:\n\n", ["a\n\n"]),
        ("data\n\n", [""]),
        ("data:\n\n", [""]),
        ("\n\n\n", []),
        (": keep-alive\n\n", []),
        (":\n:data: a\ndata: b\n:c\n\n", ["b"]),
        ("event: x\nid: 1\nretry: 5\n\n", []),
        ("event: x\ndata: a\nid: 1\n\n", ["a"]),
        ("Data: a\n\n data: b\n\ndatas: c\n\ndat: d\n\n", []),
        ("data: a:b: c\n\n", ["a:b: c"]),
        ("\u{FEFF}data: a\n\n", ["a"]),
        ("\u{FEFF}\u{FEFF}data: a\n\n", []),
        ("data: a\n\n\u{FEFF}data: b\n\n", ["a"]),
        ("data: سلام 😀\n\n", ["سلام 😀"]),
        ("data: [DONE]\n\n", ["[DONE]"]),
        ("data: a", []),
        ("data: a\n", []),
        ("data: a\r\n", []),
        ("data: a\n\ndata: b\n", ["a"]),
    ]

    @Test("A stream has its events, whole and cut at any place", arguments: Self.streams)
    func events(stream: String, expected: [String]) throws {
        let bytes = Array(stream.utf8)
        for rules in [ServerSentEvents.Rules.standard, .lenient] {
            for size in [max(bytes.count, 1), 1, 2, 3, 5] {
                var events = ServerSentEvents(rules: rules)
                var found: [String] = []
                for start in stride(from: 0, to: bytes.count, by: size) {
                    found += try events.receive(bytes[start..<min(start + size, bytes.count)]).map(\.data)
                }
                #expect(found == expected, "in parts of \(size) bytes")
            }
        }
    }

    @Test(
        "The examples of the standard mean what it says (§9.2.6)",
        arguments: [
            ("data: YHOO\ndata: +2\ndata: 10\n\n", [.init(data: "YHOO\n+2\n10")]),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                [.init(data: "first event"), .init(data: "second event"), .init(data: " third event")]
            ),
            ("data\n\ndata\ndata\n\ndata:", [.init(data: ""), .init(data: "\n")]),
            ("data:test\n\ndata: test\n\n", [.init(data: "test"), .init(data: "test")]),
            (
                "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
                [
                    .init(name: "add", data: "73857293"), .init(name: "remove", data: "2153"),
                    .init(name: "add", data: "113411"),
                ]
            ),
            // What chat providers mean by something, and the standard by nothing.
            ("event: error\n\n", []), ("error: a\n\n", []), ("{\"error\":1}\n\n", []),
            ("{\ndata: a\n}\n\n", [.init(data: "a")]),
        ] as [(String, [ServerSentEvents.Event])]
    )
    func standard(stream: String, expected: [ServerSentEvents.Event]) throws {
        var events = ServerSentEvents()
        #expect(try events.receive(stream.utf8) == expected)
        #expect(try events.finish() == nil)
    }

    @Test(
        "Names of events are kept, and an error needs no data",
        arguments: [
            ("event: error\ndata: a\n\n", [.init(name: "error", data: "a")]),
            ("data: a\nevent: error\n\ndata: b\n\n", [.init(name: "error", data: "a"), .init(data: "b")]),
            ("event: error\n\n", [.init(name: "error", data: "")]),
            ("event: ping\n\ndata: a\n\n", [.init(data: "a")]),
            ("event: a\nevent: b\ndata: c\n\n", [.init(name: "b", data: "c")]),
            ("event:error\r\ndata:a\r\n\r\n", [.init(name: "error", data: "a")]),
            ("error: {\"code\":500}\n\n", [.init(name: "error", data: "{\"code\":500}")]),
        ] as [(String, [ServerSentEvents.Event])]
    )
    func names(stream: String, expected: [ServerSentEvents.Event]) throws {
        var events = ServerSentEvents(rules: .lenient)
        #expect(try events.receive(stream.utf8) == expected)
    }

    @Test(
        "What has begun when the stream ends is an event, too",
        arguments: [
            ("data: a", "a"), ("data: a\n", "a"), ("data: a\r\n", "a"), ("data: a\ndata: b", "a\nb"),
            ("data: a\n\n", nil),
            (": bye", nil), ("", nil), ("event: x", nil), ("event: error", ""),
        ] as [(String, String?)]
    )
    func ending(stream: String, expected: String?) throws {
        var events = ServerSentEvents(rules: .lenient)
        _ = try events.receive(stream.utf8)
        let last = try events.finish()
        let after = try events.finish()
        #expect(last?.data == expected)
        #expect(after == nil)
    }

    @Test("JSON without a field name is no event", arguments: ["{\"error\":1}\n", "data: a\n\n{\n \"error\": 1\n}\n"])
    func strayJSON(stream: String) {
        #expect(throws: ServerSentEvents.Failure(reason: .strayJSON)) {
            var events = ServerSentEvents(rules: .lenient)
            _ = try events.receive(stream.utf8)
        }
    }

    @Test("Bytes that are no UTF-8 are replaced")
    func invalid() throws {
        var events = ServerSentEvents(rules: .lenient)
        #expect(
            try events.receive(Array("data: a".utf8) + [0xFF] + Array("b\n\n".utf8)) == [
                ServerSentEvents.Event(data: "a\u{FFFD}b")
            ]
        )
    }

    @Test("A line has a limit, in one part or in many", arguments: [("data: ab\n\n", true), ("data: abc\n\n", false)])
    func lineLimit(stream: String, isAccepted: Bool) {
        for parts in [[stream], stream.map(String.init)] {
            var events = ServerSentEvents(rules: .lenient, maximumLineBytes: 8, maximumEventBytes: 100)
            var failure: ServerSentEvents.Failure?
            do {
                for part in parts { _ = try events.receive(part.utf8) }
            } catch {
                failure = error
            }
            #expect(failure == (isAccepted ? nil : ServerSentEvents.Failure(reason: .lineTooLong, limit: 8)))
        }
    }

    @Test("An event has a limit, however many lines it has, and the next one begins anew")
    func eventLimit() throws {
        var events = ServerSentEvents(rules: .lenient, maximumLineBytes: 100, maximumEventBytes: 6)
        for _ in 0..<3 {
            #expect(try events.receive("data: ab\ndata: cd\n\n".utf8).map(\.data) == ["ab\ncd"])
        }
        #expect(throws: ServerSentEvents.Failure(reason: .eventTooLarge, limit: 6)) {
            try events.receive("data: ab\ndata: cd\ndata: ef\n\n".utf8)
        }
        var endless = ServerSentEvents(rules: .lenient, maximumLineBytes: 100, maximumEventBytes: 6)
        #expect(throws: ServerSentEvents.Failure(reason: .eventTooLarge, limit: 6)) {
            for _ in 0..<100 { _ = try endless.receive("data\n".utf8) }
        }
    }
}
