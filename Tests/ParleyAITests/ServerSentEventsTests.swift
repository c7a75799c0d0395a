import NIOCore
import Testing

@testable import ParleyAI

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
        let bytes = ByteBuffer(string: stream)
        for size in [bytes.readableBytes, 1, 2, 3, 5] {
            var events = ServerSentEvents()
            var found: [String] = []
            var rest = bytes
            while let part = rest.readSlice(length: min(max(size, 1), max(rest.readableBytes, 1))) {
                found += try events.receive(part).map(\.data)
            }
            #expect(found == expected, "in parts of \(size) bytes")
        }
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
        var events = ServerSentEvents()
        #expect(try events.receive(ByteBuffer(string: stream)) == expected)
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
        var events = ServerSentEvents()
        _ = try events.receive(ByteBuffer(string: stream))
        let last = try events.finish()
        let after = try events.finish()
        #expect(last?.data == expected)
        #expect(after == nil)
    }

    @Test("JSON without a field name is no event", arguments: ["{\"error\":1}\n", "data: a\n\n{\n \"error\": 1\n}\n"])
    func strayJSON(stream: String) {
        #expect(throws: ServerSentEvents.Failure(reason: .strayJSON)) {
            var events = ServerSentEvents()
            _ = try events.receive(ByteBuffer(string: stream))
        }
    }

    @Test("Bytes that are no UTF-8 are replaced")
    func invalid() throws {
        var events = ServerSentEvents()
        #expect(
            try events.receive(ByteBuffer(bytes: Array("data: a".utf8) + [0xFF] + Array("b\n\n".utf8))) == [
                ServerSentEvents.Event(data: "a\u{FFFD}b")
            ]
        )
    }

    @Test("A line has a limit, in one part or in many", arguments: [("data: ab\n\n", true), ("data: abc\n\n", false)])
    func lineLimit(stream: String, isAccepted: Bool) {
        for parts in [[stream], stream.map(String.init)] {
            var events = ServerSentEvents(maximumLineBytes: 8, maximumEventBytes: 100)
            var failure: ServerSentEvents.Failure?
            do {
                for part in parts { _ = try events.receive(ByteBuffer(string: part)) }
            } catch {
                failure = error
            }
            #expect(failure == (isAccepted ? nil : ServerSentEvents.Failure(reason: .lineTooLong, limit: 8)))
        }
    }

    @Test("An event has a limit, however many lines it has, and the next one begins anew")
    func eventLimit() throws {
        var events = ServerSentEvents(maximumLineBytes: 100, maximumEventBytes: 6)
        for _ in 0..<3 {
            #expect(try events.receive(ByteBuffer(string: "data: ab\ndata: cd\n\n")).map(\.data) == ["ab\ncd"])
        }
        #expect(throws: ServerSentEvents.Failure(reason: .eventTooLarge, limit: 6)) {
            try events.receive(ByteBuffer(string: "data: ab\ndata: cd\ndata: ef\n\n"))
        }
        var endless = ServerSentEvents(maximumLineBytes: 100, maximumEventBytes: 6)
        #expect(throws: ServerSentEvents.Failure(reason: .eventTooLarge, limit: 6)) {
            for _ in 0..<100 { _ = try endless.receive(ByteBuffer(string: "data\n")) }
        }
    }
}
