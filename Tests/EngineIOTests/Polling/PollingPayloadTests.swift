import EngineIO
import NIOCore
import Testing

@Suite("Bodies of long-polling")
struct PollingPayloadTests {
    private static func packets(_ body: String) throws -> [EnginePacket] {
        var reader = PollingPayloadReader(ByteBuffer(string: body))
        var packets: [EnginePacket] = []
        while let packet = try reader.next() { packets.append(packet) }
        return packets
    }

    @Test("Packets are joined by U+001E")
    func read() throws {
        #expect(
            try Self.packets("4hello\u{1e}2\u{1e}bAQID") == [
                EnginePacket(.message, ByteBuffer(string: "hello")), EnginePacket(.ping),
                EnginePacket(.message, ByteBuffer(bytes: [1, 2, 3]), isBinary: true),
            ]
        )
    }

    @Test("Base64 may come without its padding")
    func padding() throws {
        #expect(try Self.packets("bAQ").first?.payload == ByteBuffer(bytes: [1]))
    }

    @Test("What is no packet is an error", arguments: ["", "x", "7", "4a\u{1e}", "\u{1e}4a", "b!", "4a\u{1e}\u{1e}4b"])
    func malformed(_ body: String) {
        #expect(throws: EngineFailure.self) { try Self.packets(body) }
    }

    @Test("Packets before a broken one count")
    func partial() throws {
        var reader = PollingPayloadReader(ByteBuffer(string: "4a\u{1e}x\u{1e}4b"))
        #expect(try reader.next() == EnginePacket(.message, ByteBuffer(string: "a")))
        #expect(throws: EngineFailure.self) { try reader.next() }
    }
}
