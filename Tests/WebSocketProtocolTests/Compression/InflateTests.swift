import NIOCore
import Testing
import WebSocketProtocol

@Suite struct InflateTests {
    static let deflate = Setup(compression: PerMessageDeflate())
    static let takeover = Setup(
        compression: PerMessageDeflate(serverNoContextTakeover: false, clientNoContextTakeover: false)
    )

    static let hello: [UInt8] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]

    static let exampleRows: [Conversation] = [
        .init("§7.2.3.1, one block", frame(0xc1, hello), [.text("Hello")]),
        .init(
            "§7.2.3.1, two frames",
            frame(0x41, Array(hello[..<3])) + frame(0x80, Array(hello[3...])),
            [.text("Hello")]
        ),
        .init(
            "§7.2.3.3, no compression",
            frame(0xc1, [0, 5, 0, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0]),
            [.text("Hello")]
        ),
        .init("§7.2.3.4, BFINAL", frame(0xc1, [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0]), [.text("Hello")]),
        .init(
            "BFINAL without the byte behind it",
            frame(0xc1, [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0]),
            [.text("Hello")]
        ),
        .init(
            "§7.2.3.5, two blocks",
            frame(0xc1, [0xf2, 0x48, 0x05, 0, 0, 0, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0]),
            [.text("Hello")]
        ),
        .init("§7.2.3.6, empty message", frame(0xc1, [0]), [.text("")]),
        .init("empty message from a final block without its tail", frame(0xc1, [1]), [.text("")]),
        .init("empty message from nothing", frame(0xc2), [.binary([])]),
        .init("empty fragments", frame(0x41) + frame(0x00, hello) + frame(0x80), [.text("Hello")]),
        .init("two messages", frame(0xc1, hello) + frame(0xc1, hello), [.text("Hello"), .text("Hello")]),
        .init(
            "an uncompressed message between",
            frame(0xc1, hello) + frame(0x81, "plain") + frame(0xc1, hello),
            [.text("Hello"), .text("plain"), .text("Hello")]
        ),
        .init(
            "a ping between two fragments",
            frame(0x41, Array(hello[..<3])) + frame(0x89) + frame(0x80, Array(hello[3...])),
            [.ping(ByteBuffer()), .text("Hello")]
        ),
    ]

    @Test(
        "Compressed messages are read as in RFC 7692 §7.2.3, with and without context takeover",
        arguments: exampleRows
    )
    func examples(row: Conversation) {
        #expect(actions(for: row.bytes, Self.deflate) == row.actions)
        #expect(actions(for: row.bytes, Self.takeover) == row.actions)
    }

    @Test("With context takeover a message may refer to the one before (RFC 7692 §7.2.3.2)")
    func context() {
        let second = frame(0xc1, [0xf2, 0, 0x11, 0, 0])
        let bytes = frame(0xc1, Self.hello) + frame(0x81, "plain") + second
        #expect(actions(for: bytes, Self.takeover) == [.text("Hello"), .text("plain"), .text("Hello")])
        #expect(actions(for: bytes, Self.deflate).last?.failure?.kind == .corruptCompression)
    }

    @Test("A message that ends with a final block leaves its history to the next")
    func contextAcrossFinalBlocks() {
        let final = frame(0xc1, [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0])
        let bytes = final + final + frame(0xc1, [0xf2, 0, 0x11, 0, 0])
        #expect(actions(for: bytes, Self.takeover) == [.text("Hello"), .text("Hello"), .text("Hello")])
    }

    @Test(
        "Data that is not DEFLATE, or cut short, is refused with 1007",
        arguments: [
            [0xff, 0xff], [0x07], [0x06], [0x00, 0x01, 0x00, 0x00], [0x00, 0x06, 0x00, 0xf9, 0xff, 0x48],
            [0xf2, 0x48, 0xcd], [0xf2], [0x04, 0x00], Array("not compressed".utf8), hello + [0xff],
        ] as [[UInt8]]
    )
    func corrupt(payload: [UInt8]) {
        for setup in [Self.deflate, Self.takeover] {
            let failure = actions(for: frame(0xc2, payload), setup).last?.failure
            #expect(failure?.kind == .corruptCompression)
            #expect(failure?.code == .invalidPayload)
        }
    }

    @Test("A corrupt message does not harm the messages of other connections")
    func sharedAfterCorrupt() {
        let inflater = SharedInflater()
        for payload in [[0xff, 0xff], [0xf2, 0x48], Self.hello] as [[UInt8]] {
            var feed = Feed(Self.deflate)
            feed.inflater = inflater
            feed.receive(frame(0xc1, payload))
            #expect((feed.actions == [.text("Hello")]) == (payload == Self.hello))
        }
    }

    @Test("Compressed text is validated after inflation")
    func text() {
        for text in [[0x61, 0xff], [0xe2, 0x82], [UInt8](repeating: 0x61, count: 40_000) + [0xed, 0xa0, 0x80]] {
            let wire = compressed(text, opcode: .text)
            #expect(actions(for: wire, Self.deflate).last?.failure?.kind == .invalidUTF8)
            let binary = compressed(text, opcode: .binary)
            #expect(actions(for: binary, Self.deflate) == [.binary(text)])
        }
    }

    @Test("A message that inflates past the limit is refused, without inflating it all")
    func bomb() {
        let zeros = [UInt8](repeating: 0, count: 1 << 24)
        let wire = compressed(zeros, opcode: .binary)
        #expect(wire.count < 80_000)
        for (limit, fits) in [(1 << 24, true), ((1 << 24) - 1, false), (100_000, false), (16384, false)] {
            for base in [Self.deflate, Self.takeover] {
                var setup = base
                setup.limits.maximumMessageBytes = limit
                var feed = Feed(setup)
                feed.receive(wire)
                #expect(feed.actions.count == 1)
                let failure = feed.actions.last?.failure
                #expect(fits ? failure == nil : failure?.kind == .messageTooBig && failure?.code == .messageTooBig)
            }
        }
    }

    @Test("Data that does not compress may take a little more than the message limit on the wire")
    func incompressible() {
        var random = SeededGenerator(seed: 6)
        for size in [10, 1000, 100_000] {
            let bytes = random.bytes(size)
            var setup = Self.deflate
            setup.limits.maximumMessageBytes = size
            var feed = Feed(setup)
            feed.receive(compressed(bytes, opcode: .binary))
            #expect(feed.actions == [.binary(bytes)])
        }
        var setup = Self.deflate
        setup.limits.maximumMessageBytes = 100
        let announced = Array(frame(0xc2, random.bytes(171)).prefix(8))
        #expect(actions(for: announced, setup).last?.failure?.kind == .messageTooBig)
    }

    @Test("Many final blocks in one message are read in time that grows with their number only")
    func finalBlocks() {
        // 03 00: a final block with nothing in it.
        let blocks = [[UInt8]](repeating: [0x03, 0x00], count: 100_000).flatMap { $0 }
        var feed = Feed(Self.takeover)
        feed.receive(frame(0xc1, hello: Self.hello, then: blocks))
        #expect(feed.actions == [.text("Hello")])
    }

    @Test("Without an inflater a message is still read")
    func withoutInflater() {
        var feed = Feed(Self.deflate)
        feed.inflater = nil
        feed.receive(frame(0xc1, Self.hello))
        #expect(feed.actions == [.text("Hello")])
    }
}

private func compressed(_ payload: [UInt8], opcode: WebSocketOpcode) -> [UInt8] {
    var body = ByteBuffer()
    SharedDeflater().compress(ByteBuffer(bytes: payload), into: &body)
    return frame(0xc0 | opcode.rawValue, Array(body.readableBytesView))
}

private func frame(_ first: UInt8, hello: [UInt8], then blocks: [UInt8]) -> [UInt8] {
    frame(first, hello + [0, 0, 0xff, 0xff] + blocks)
}
