import NIOCore
import Testing
import WebSocketProtocol

@Suite struct DeflateTests {
    /// Around the sizes of windows and of the scratch space.
    static let sizes = [0, 1, 2, 5, 255, 256, 257, 300, 512, 1000, 4096, 16383, 16384, 16385, 40_000, 70_000, 200_000]

    @Test("What is compressed for a window is inflated with that window", arguments: 8...15)
    func windows(bits: Int) throws {
        var random = SeededGenerator(seed: UInt64(bits))
        let deflater = SharedDeflater()
        let reference = ContextDeflater(windowBits: bits)
        for size in Self.sizes {
            for payload in [random.text(size), random.bytes(size), [UInt8](repeating: 0x61, count: size)] {
                for sender in [WebSocketRole.server, .client] {
                    var body = ByteBuffer()
                    deflater.compress(ByteBuffer(bytes: payload), windowBits: bits, into: &body)
                    // Context takeover on the reading side, so that its window really has the agreed size.
                    let agreed = PerMessageDeflate(
                        serverNoContextTakeover: false,
                        clientNoContextTakeover: false,
                        serverMaxWindowBits: bits,
                        clientMaxWindowBits: bits
                    )
                    try expect(body, inflatesTo: payload, sender: sender, agreed: agreed)
                }
                var body = ByteBuffer()
                reference.compress(ByteBuffer(bytes: payload), into: &body)
                #expect(body.readableBytes > 0)
            }
        }
    }

    @Test("With a window of 8 bits, long messages are only stored")
    func stored() {
        let payload = [UInt8](repeating: 0x61, count: 70_000)
        var body = ByteBuffer(string: "before")
        SharedDeflater().compress(ByteBuffer(bytes: payload), windowBits: 8, into: &body)
        #expect(body.readableBytes == 6 + 70_000 + 2 * 5 + 1)
    }

    @Test("With context takeover each message helps the next, in both directions", arguments: [8, 9, 12, 15])
    func context(bits: Int) throws {
        var random = SeededGenerator(seed: 7)
        for sender in [WebSocketRole.server, .client] {
            let agreed = PerMessageDeflate(
                serverNoContextTakeover: false,
                clientNoContextTakeover: false,
                serverMaxWindowBits: bits,
                clientMaxWindowBits: bits
            )
            #expect(agreed.keepsContext(sender: sender))
            #expect(agreed.windowBits(sender: sender) == bits)
            let deflater = ContextDeflater(windowBits: bits)
            var receiver = Feed(Setup(role: sender == .server ? .client : .server, compression: agreed))
            var expected: [Action] = []
            var sizes: [Int] = []
            let repeated = random.text(200)
            for size in [200, 200, 0, 0, 5000, 70_000, 200, 1] {
                let payload = size == 200 ? repeated : random.text(size)
                var body = ByteBuffer()
                deflater.compress(ByteBuffer(bytes: payload), into: &body)
                sizes.append(body.readableBytes)
                var wire = ByteBuffer()
                let mask = sender == .client ? testMask : nil
                WebSocketFrame.write(.text, payload: body, compressed: true, mask: mask, into: &wire)
                receiver.receive(wire.readableBytesView)
                expected.append(.message(.text, ByteBuffer(bytes: payload)))
            }
            #expect(receiver.actions == expected)
            if bits > 8 { #expect(sizes[1] < 20) }
            #expect(sizes[2] == 1)
        }
    }

    @Test("Without context takeover equal messages have equal bytes, and nobody's history is in them")
    func noContext() {
        let deflater = SharedDeflater()
        let results = (0..<3).map { _ in
            var body = ByteBuffer()
            deflater.compress(ByteBuffer(string: "Hello, Hello, Hello"), into: &body)
            return body
        }
        #expect(Set(results).count == 1)
    }

    @Test("Compressing appends to the buffer and leaves the tail of RFC 7692 §7.2.1 out", arguments: 1...9)
    func tail(level: Int) {
        var body = ByteBuffer(string: "before")
        SharedDeflater(level: level).compress(ByteBuffer(string: "Hello"), into: &body)
        #expect(body == ByteBuffer(bytes: Array("before".utf8) + InflateTests.hello))
    }

    private func expect(
        _ body: ByteBuffer,
        inflatesTo payload: [UInt8],
        sender: WebSocketRole,
        agreed: PerMessageDeflate
    ) throws {
        var wire = ByteBuffer()
        let mask = sender == .client ? testMask : nil
        WebSocketFrame.write(.binary, payload: body, compressed: true, mask: mask, into: &wire)
        var feed = Feed(Setup(role: sender == .server ? .client : .server, compression: agreed))
        feed.receive(wire.readableBytesView)
        let action = try #require(feed.actions.first)
        #expect(action == .binary(payload))
    }
}
