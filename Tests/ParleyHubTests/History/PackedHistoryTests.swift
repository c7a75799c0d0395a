import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

/// Tests of `PackedHistory.swift`.
@Suite struct PackedHistoryTests {
    static let payloads: [Payload] = [
        .text(ByteBuffer(string: "hello")), .text(ByteBuffer()), .json(ByteBuffer(string: "{\"a\":1.0}")),
        .binary(ByteBuffer(bytes: [0, 0xFF])), .event(name: "é 😀", arguments: ByteBuffer(string: "[1]")),
        .event(name: "", arguments: ByteBuffer(string: "[]")),
        .text(ByteBuffer(string: String(repeating: "x", count: 3000))),
    ]

    private static func publication(_ index: Int, _ payload: Payload, sender: String) -> Publication {
        Publication(
            offset: UInt64(index),
            time: WallTime(milliseconds: Int64(index) * 1000),
            sender: Sender(id: sender, name: sender + "-name"),
            payload: payload
        )
    }

    @Test("What was packed is read as it was, and may be unpacked and gone on with")
    func roundTrip() {
        var history = History()
        let policy = HistoryPolicy(limit: 100)
        let publications = Self.payloads.enumerated().map { Self.publication($0, $1, sender: "s\($0 % 3)") }
        for publication in publications { history.append(publication, policy: policy) }
        history.pack()
        #expect(history.all == publications)
        #expect(!history.isEmpty)
        history.unpack()
        #expect(history.all == publications)
        history.pack()
        let next = Self.publication(99, .text(ByteBuffer(string: "next")), sender: "z")
        history.append(next, policy: HistoryPolicy(limit: 3))
        #expect(history.all == publications.suffix(2) + [next])
    }

    @Test("A packed history that refuses is as full as it was")
    func refusing() {
        var history = History()
        let policy = HistoryPolicy(limit: 2, whenFull: .refuse)
        for index in 0..<2 { history.append(Self.publication(index, Self.payloads[0], sender: "a"), policy: policy) }
        history.pack()
        #expect(history.refuses(policy))
    }

    @Test("It holds what was said and little more", arguments: [10, 1000, 2100, 3000])
    func size(bytes: Int) {
        var history = History()
        let payload = Payload.text(ByteBuffer(repeating: 0x78, count: bytes))
        for index in 0..<100 {
            history.append(Self.publication(index, payload, sender: "alice"), policy: HistoryPolicy(limit: 100))
        }
        history.pack()
        #expect(history.memoryBytes >= 100 * bytes)
        #expect(history.memoryBytes <= 100 * (bytes + 64) + 256)
    }
}
