import NIOCore
import Testing

@testable import EngineIO

@Suite("What waits for a poll")
struct PollingOutboxTests {
    /// `packets` as they stand in a body, separated by commas.
    private static func outbox(_ packets: String) -> PollingOutbox {
        var outbox = PollingOutbox()
        for packet in packets.split(separator: ",") { outbox.append(ByteBuffer(string: "\(packet)\u{1e}")) }
        return outbox
    }

    /// Every body until nothing is left.
    private static func bodies(_ outbox: PollingOutbox, packets: Int = .max, bytes: Int = .max) -> [String] {
        var outbox = outbox
        var bodies: [String] = []
        while !outbox.isEmpty, bodies.count < 10 {
            let body = outbox.takeBody(PollingOutbox.Limit(packets: packets, bytes: bytes))
            bodies.append(String(buffer: body).split(separator: "\u{1e}").joined(separator: ","))
        }
        return bodies
    }

    @Test(
        "A body holds as many packets as it may, and the rest stays in order",
        arguments: [
            ("40,41,42,43,44", 2, .max, ["40,41", "42,43", "44"]),
            ("40,41,42,43,44", .max, .max, ["40,41,42,43,44"]),
            ("40,41,42,43,44", .max, 7, ["40,41", "42,43", "44"]),
            ("40,4larger than may be,41", .max, 7, ["40", "4larger than may be", "41"]),
            ("4larger than may be,41", 2, 7, ["4larger than may be", "41"]),
            // Attachments stay with their packet, unless that alone is too much.
            ("40,451-x,bAAA=,41", 2, .max, ["40", "451-x,bAAA=", "41"]),
            ("40,452-x,bAAA=,bBBB=", .max, 14, ["40", "452-x,bAAA=", "bBBB="]),
            ("452-x,bAAA=,bBBB=,41", 2, .max, ["452-x,bAAA=", "bBBB=,41"]),
            ("bAAA=,bBBB=,bCCC=", 2, .max, ["bAAA=,bBBB=", "bCCC="]),
        ] as [(String, Int, Int, [String])]
    )
    func limits(_ packets: String, _ count: Int, _ bytes: Int, _ bodies: [String]) {
        #expect(Self.bodies(Self.outbox(packets), packets: count, bytes: bytes) == bodies)
    }

    @Test(
        "A heartbeat goes with the next body, and never between a packet and its attachments",
        arguments: [
            ("", 16, ["2"]),
            ("40,41,42", .max, ["2,40,41,42"]),
            ("40,41,42", 2, ["2,40", "41,42"]),
            ("451-x,bAAA=,41", .max, ["2,451-x,bAAA=,41"]),
            ("bAAA=,41", .max, ["bAAA=,2,41"]),
            ("bAAA=", .max, ["bAAA=,2"]),
            ("bAAA=,bBBB=,41", 2, ["bAAA=", "bBBB=,2", "41"]),
        ] as [(String, Int, [String])]
    )
    func heartbeat(_ packets: String, _ count: Int, _ bodies: [String]) {
        var outbox = Self.outbox(packets)
        outbox.putHeartbeat(.ping)
        #expect(outbox.byteCount == (packets.isEmpty ? 0 : packets.utf8.count + 1) + 2)
        #expect(Self.bodies(outbox, packets: count) == bodies)
    }

    @Test("Of heartbeats that nobody has fetched the newest is kept")
    func newestHeartbeat() {
        var outbox = Self.outbox("40")
        outbox.putHeartbeat(.pong, ByteBuffer(string: "a"))
        outbox.putHeartbeat(.pong, ByteBuffer(string: "b"))
        #expect(Self.bodies(outbox) == ["3b,40"])
    }

    @Test("A body is never empty")
    func empty() {
        var outbox = PollingOutbox()
        #expect(String(buffer: outbox.takeBody(.none)) == "6")
    }

    @Test("What waits can be taken as packets, for another transport")
    func packets() {
        var outbox = PollingOutbox()
        outbox.append(EnginePacket(.message, ByteBuffer(string: "a")))
        var binary = ByteBuffer()
        PollingPayload.writeBinary(ByteBuffer(bytes: [0, 255]), into: &binary)
        outbox.append(binary)
        #expect(
            outbox.takePackets() == [
                EnginePacket(.message, ByteBuffer(string: "a")),
                EnginePacket(.message, ByteBuffer(bytes: [0, 255]), isBinary: true),
            ]
        )
        #expect(outbox.isEmpty)
    }
}
