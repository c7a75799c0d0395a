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
                found += try events.receive(part)
            }
            #expect(found == expected, "in parts of \(size) bytes")
        }
    }

    @Test("Bytes that are no UTF-8 are replaced")
    func invalid() throws {
        var events = ServerSentEvents()
        #expect(
            try events.receive(ByteBuffer(bytes: Array("data: a".utf8) + [0xFF] + Array("b\n\n".utf8))) == [
                "a\u{FFFD}b"
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
            #expect(try events.receive(ByteBuffer(string: "data: ab\ndata: cd\n\n")) == ["ab\ncd"])
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
