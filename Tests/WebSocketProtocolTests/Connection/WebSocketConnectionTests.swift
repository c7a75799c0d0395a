import NIOCore
import Testing
import WebSocketProtocol

/// One row: what a peer sends, and what comes of it.
struct Conversation: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let actions: [Action]

    init(_ name: String, _ bytes: [UInt8], _ actions: [Action]) {
        self.testDescription = name
        self.bytes = bytes
        self.actions = actions
    }
}

@Suite struct WebSocketConnectionTests {
    static let conversations: [Conversation] = [
        .init("nothing", [], []),
        .init(
            "masked text of RFC 6455 §5.7",
            [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
            [.text("Hello")]
        ),
        .init("empty text", frame(0x81), [.text("")]),
        .init("empty binary", frame(0x82), [.binary([])]),
        .init("a mask of zero", frame(0x81, "plain", mask: 0), [.text("plain")]),
        .init("two messages", frame(0x81, "one") + frame(0x82, [2]), [.text("one"), .binary([2])]),
        .init("two fragments", frame(0x01, "Hel") + frame(0x80, "lo"), [.text("Hello")]),
        .init("empty fragments", frame(0x02) + frame(0x00) + frame(0x00) + frame(0x80), [.binary([])]),
        .init("empty last fragment", frame(0x01, "x") + frame(0x80), [.text("x")]),
        .init(
            "a character across fragments",
            frame(0x01, [0xe2]) + frame(0x00, [0x82]) + frame(0x80, [0xac, 0x21]),
            [.text("€!")]
        ),
        .init("any bytes in binary", frame(0x82, [0xff, 0xc0, 0xed, 0xa0]), [.binary([0xff, 0xc0, 0xed, 0xa0])]),
        .init("a ping", frame(0x89, "Hello"), [.ping(ByteBuffer(string: "Hello"))]),
        .init("an empty ping", frame(0x89), [.ping(ByteBuffer())]),
        .init(
            "a ping of 125 bytes",
            frame(0x89, [UInt8](repeating: 9, count: 125)),
            [.ping(ByteBuffer(repeating: 9, count: 125))]
        ),
        .init("a pong nobody asked for", frame(0x8a, "x"), [.pong(ByteBuffer(string: "x"))]),
        .init(
            "control frames inside of a message",
            frame(0x01, "a") + frame(0x89, "p") + frame(0x00, "b") + frame(0x8a) + frame(0x80, "c"),
            [.ping(ByteBuffer(string: "p")), .pong(ByteBuffer()), .text("abc")]
        ),
        .init(
            "a close inside of a message",
            frame(0x01, "a") + frame(0x88, close(1001, "bye")),
            [.peerClosed(.goingAway, reason: "bye")]
        ),
        .init("a message, then half of one", frame(0x81, "a") + frame(0x81, "b").dropLast(), [.text("a")]),
    ]

    @Test("Frames become messages", arguments: conversations)
    func conversation(row: Conversation) {
        #expect(actions(for: row.bytes) == row.actions)
    }

    @Test("A client reads unmasked frames")
    func client() {
        let bytes = frame(0x81, "Hello", mask: nil) + frame(0x01, "a", mask: nil) + frame(0x80, "b", mask: nil)
        #expect(actions(for: bytes, Setup(role: .client)) == [.text("Hello"), .text("ab")])
    }

    @Test(
        "Frames of every length class survive the way from writer to reader",
        arguments: [WebSocketRole.server, .client]
    )
    func roundTrip(receiver: WebSocketRole) {
        var random = SeededGenerator(seed: 4)
        var setup = Setup(role: receiver)
        setup.limits.maximumMessageBytes = 1 << 18
        for length in [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537, 200_000] {
            for kind in [WebSocketMessageKind.binary, .text] {
                let payload = ByteBuffer(bytes: kind == .text ? random.text(length) : random.bytes(length))
                let mask: UInt32? = receiver == .server ? .random(in: 1 ... .max, using: &random) : nil
                var wire = ByteBuffer()
                WebSocketFrame.write(kind, payload: payload, mask: mask, into: &wire)
                var feed = Feed(setup)
                feed.receive(wire.readableBytesView)
                while wire.readableBytes > 0 {
                    let count = min(wire.readableBytes, .random(in: 1...40_000, using: &random))
                    feed.receive(wire.readBytes(length: count) ?? [])
                }
                #expect(feed.actions == [.message(kind, payload), .message(kind, payload)])
            }
        }
    }

    @Test("Random conversations do not depend on how they are cut")
    func randomChunking() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<60 {
            var bytes: [UInt8] = []
            var expected: [Action] = []
            for _ in 0..<4 {
                let fragments = Int.random(in: 1...3, using: &random)
                var message: [UInt8] = []
                for index in 0..<fragments {
                    let piece = random.bytes(.random(in: 0...140, using: &random))
                    message += piece
                    let first: UInt8 = (index == 0 ? 2 : 0) | (index == fragments - 1 ? 0x80 : 0)
                    if Bool.random(using: &random) {
                        bytes += frame(0x89, piece.prefix(9) + [1])
                        expected.append(.ping(ByteBuffer(bytes: piece.prefix(9) + [1])))
                    }
                    bytes += frame(first, piece, mask: .random(in: 0 ... .max, using: &random))
                }
                expected.append(.binary(message))
            }
            #expect(actions(for: bytes) == expected)
        }
    }

    @Test("Messages are slices of the input, and reading on does not change them")
    func slices() {
        var input = ByteBuffer(bytes: frame(0x82, [1, 2, 3]) + frame(0x82, [4, 5, 6]) + frame(0x82, [7, 8, 9]))
        // Somebody else refers to the storage, as NIO's pool of receive buffers does.
        let pool = input
        let base = input.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        let end = base + UInt(input.readableBytes)
        var connection = WebSocketConnection(role: .server, limits: WebSocketLimits())
        var messages: [ByteBuffer] = []
        while case .message(_, let message) = connection.receive(&input, inflater: nil) { messages.append(message) }
        #expect(messages.map { Array($0.readableBytesView) } == [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
        for message in messages {
            let address = message.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
            #expect((base..<end).contains(address))
        }
        #expect(pool.readableBytes == 27)
    }

    @Test("Between frames nothing is unfinished; inside of one, something is")
    func isMidMessage() {
        var feed = Feed()
        let steps: [([UInt8], Bool)] = [
            ([], false), ([0x81], true), ([0x81, 0, 0, 0, 0], true), ([0x61], false),
            (frame(0x01, "a"), true), (frame(0x89, "p"), true), (frame(0x80, "b"), false),
            (frame(0x89, "ping").dropLast(), true), ([0x67 ^ 0x3d], false),
            (frame(0x81, "x") + [0x82], true),
        ]
        for (bytes, expected) in steps {
            feed.receive(bytes)
            #expect(feed.connection.isMidMessage == expected)
        }
    }

    @Test("A connection is a few words")
    func size() {
        #expect(MemoryLayout<WebSocketConnection>.stride <= 48)
    }
}
