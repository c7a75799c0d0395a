import NIOCore
import Testing

@testable import EngineIO

@Suite struct PollingPayloadV3Tests {
    struct Case: Sendable, CustomTestStringConvertible {
        let packets: [EnginePacket]
        let text: String
        let binary: [UInt8]

        var testDescription: String { self.text }
    }

    /// The same packets in both forms; the first two are the protocol's own examples.
    static let cases: [Case] = [
        Case(
            packets: [text(.message, "hello"), text(.message, "€")],
            text: "6:4hello2:4€",
            binary: [0, 6, 0xff] + Array("4hello".utf8) + [0, 4, 0xff] + Array("4€".utf8)
        ),
        Case(
            packets: [text(.message, "€"), binary([1, 2, 3, 4])],
            text: "2:4€10:b4AQIDBA==",
            binary: [0, 4, 0xff, 0x34, 0xe2, 0x82, 0xac, 1, 5, 0xff, 4, 1, 2, 3, 4]
        ),
        Case(packets: [text(.ping, "probe")], text: "6:2probe", binary: [0, 6, 0xff] + Array("2probe".utf8)),
        Case(
            packets: [text(.close), text(.noop), text(.upgrade)],
            text: "1:11:61:5",
            binary: [0, 1, 0xff, 0x31, 0, 1, 0xff, 0x36, 0, 1, 0xff, 0x35]
        ),
        Case(
            packets: [text(.message, "👍é"), text(.pong)],
            text: "4:4👍é1:3",
            binary: [0, 7, 0xff] + Array("4👍é".utf8) + [0, 1, 0xff, 0x33]
        ),
        Case(
            packets: [text(.message, "1:4\u{1e}")],
            text: "5:41:4\u{1e}",
            binary: [0, 5, 0xff] + Array("41:4\u{1e}".utf8)
        ),
        Case(packets: [binary([])], text: "2:b4", binary: [1, 1, 0xff, 4]),
        Case(
            packets: [text(.message, String(repeating: "x", count: 1202))],
            text: "1203:4" + String(repeating: "x", count: 1202),
            binary: [0, 1, 2, 0, 3, 0xff, 0x34] + [UInt8](repeating: 0x78, count: 1202)
        ),
    ]

    @Test("Packets are read from both forms", arguments: cases)
    func read(sample: Case) throws {
        #expect(try Self.packets(ByteBuffer(string: sample.text), isBinary: false) == sample.packets)
        #expect(try Self.packets(ByteBuffer(bytes: sample.binary), isBinary: true) == sample.packets)
    }

    @Test("A body is binary when a packet is, unless the client asked for base64", arguments: cases)
    func write(sample: Case) {
        let asked = PollingPayloadV3.write(sample.packets, supportsBinary: false)
        #expect(asked.isBinary == false)
        #expect(String(buffer: asked.body) == sample.text)

        let isBinary = sample.packets.contains { $0.isBinary }
        let free = PollingPayloadV3.write(sample.packets, supportsBinary: true)
        #expect(free.isBinary == isBinary)
        #expect(free.body == (isBinary ? ByteBuffer(bytes: sample.binary) : ByteBuffer(string: sample.text)))
    }

    @Test("An empty body has no packets", arguments: [true, false])
    func empty(isBinary: Bool) throws {
        #expect(try Self.packets(ByteBuffer(), isBinary: isBinary).isEmpty)
        #expect(PollingPayloadV3.write([], supportsBinary: isBinary) == (ByteBuffer(), false))
    }

    @Test(
        "Text that is no payload is refused",
        arguments: [
            ":", ":4", "4", "4hello", "6", "6:", "6:4hell", "x:4", "-1:4", "+1:4", " 1:4", "1 :4", "1.0:4", "0x1:4",
            "1:4,",
            "1:4:", "1:41", "99999999999999999999999999:4", "2:4👍", "1:👍", "3:4€", "1:4\u{1e}1:4",
            "18446744073709551617:4",
        ]
    )
    func malformedText(text: String) {
        #expect(throws: EngineFailure.malformedPayload) {
            try Self.packets(ByteBuffer(string: text), isBinary: false)
        }
    }

    @Test(
        "A well-measured packet that is none is refused",
        arguments: ["0:", "1:7", "1:x", "1:b", "2:b5", "2:b2", "3:b4A", "4:b4=A", "6:bAQID=", "1:€"]
    )
    func malformedPacket(text: String) {
        #expect(throws: EngineFailure.malformedPacket) {
            try Self.packets(ByteBuffer(string: text), isBinary: false)
        }
    }

    static let refusedBytes: [([UInt8], EngineFailure)] = [
        ([0], .malformedPayload), ([1], .malformedPayload), ([0, 0xff], .malformedPayload),
        ([0, 1], .malformedPayload),
        ([0, 1, 0xff], .malformedPayload), ([0, 2, 0xff, 0x34], .malformedPayload),
        ([0, 10, 0xff, 0x34], .malformedPayload),
        ([0, 0x31, 0xff, 0x34], .malformedPayload), ([2, 1, 0xff, 4], .malformedPayload),
        ([0xff, 1, 0xff, 4], .malformedPayload), ([0x31, 0x3a, 0x34], .malformedPayload),
        ([0] + [UInt8](repeating: 9, count: 400) + [0xff, 0x34], .malformedPayload),
        ([0, 0, 0xff], .malformedPacket), ([1, 0, 0xff], .malformedPacket), ([1, 1, 0xff, 0x34], .malformedPacket),
        ([1, 1, 0xff, 2], .malformedPacket), ([0, 1, 0xff, 4], .malformedPacket),
        ([0, 2, 0xff, 0x34, 0x80], .malformedPacket), ([0, 2, 0xff, 0x34, 0xc3], .malformedPacket),
    ]

    @Test("Bytes that are no payload are refused", arguments: refusedBytes)
    func malformedBytes(bytes: [UInt8], failure: EngineFailure) {
        #expect(throws: failure) { try Self.packets(ByteBuffer(bytes: bytes), isBinary: true) }
    }

    @Test("Packets before a broken one are still read, and nothing after it", arguments: [true, false])
    func stopsAtFailure(isBinary: Bool) throws {
        let body =
            isBinary
            ? ByteBuffer(bytes: [0, 1, 0xff, 0x32, 0, 1, 0xff, 0x39, 0, 1, 0xff, 0x32])
            : ByteBuffer(string: "1:21:91:2")
        var reader = PollingPayloadV3Reader(body, isBinary: isBinary)
        #expect(try reader.next() == EnginePacket(.ping))
        #expect(throws: EngineFailure.malformedPacket) { try reader.next() }
        #expect(try reader.next() == nil)
    }

    @Test("Leading zeros of a length are read, as the reference does")
    func leadingZeros() throws {
        #expect(try Self.packets(ByteBuffer(string: "0006:4hello"), isBinary: false) == [Self.text(.message, "hello")])
    }

    static func text(_ kind: EnginePacket.Kind, _ payload: String = "") -> EnginePacket {
        EnginePacket(kind, ByteBuffer(string: payload))
    }

    static func binary(_ payload: [UInt8]) -> EnginePacket {
        EnginePacket(.message, ByteBuffer(bytes: payload), isBinary: true)
    }

    static func packets(_ body: ByteBuffer, isBinary: Bool) throws(EngineFailure) -> [EnginePacket] {
        var reader = PollingPayloadV3Reader(body, isBinary: isBinary)
        var packets: [EnginePacket] = []
        while let packet = try reader.next() { packets.append(packet) }
        return packets
    }
}
