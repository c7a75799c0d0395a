import NIOCore
import Testing
import WebSocketProtocol

@Suite struct MessageSplitterTests {
    private static func frame(
        _ opcode: WebSocketOpcode,
        _ text: String,
        fin: Bool = true,
        mask: UInt32? = 0x0102_0304
    ) -> ByteBuffer {
        var buffer = ByteBuffer()
        WebSocketFrame.write(opcode, bytes: text.utf8, fin: fin, mask: mask, into: &buffer)
        return buffer
    }

    private static func joined(_ buffers: [ByteBuffer]) -> ByteBuffer {
        buffers.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
    }

    /// What comes out, in order, when the stream is cut into pieces of a size; parts are put together again.
    private static func pieces(
        of stream: ByteBuffer,
        cut size: Int,
        sender: WebSocketRole = .client,
        maximum: Int = 64
    ) -> [MessageSplitter.Piece] {
        var splitter = MessageSplitter(sender: sender, maximumMessageBytes: maximum)
        var (stream, pieces) = (stream, [MessageSplitter.Piece]())
        while stream.readableBytes > 0 {
            splitter.append(stream.readSlice(length: min(size, stream.readableBytes)) ?? ByteBuffer())
            while let piece = splitter.next() {
                switch (piece, pieces.last) {
                case (.part(let next, let isEnd), .part(var part, isEnd: false)):
                    part.writeImmutableBuffer(next)
                    pieces[pieces.count - 1] = .part(part, isEnd: isEnd)
                case (.other(let next), .other(var other)):
                    other.writeImmutableBuffer(next)
                    pieces[pieces.count - 1] = .other(other)
                default: pieces.append(piece)
                }
            }
        }
        return pieces
    }

    private static let cuts = [1, 2, 3, 7, 16, 1000]

    @Test("Messages come out whole and as they came, however the stream is cut", arguments: Self.cuts)
    func messages(cut: Int) {
        let first = Self.frame(.text, "hello")
        let fragments = [
            Self.frame(.binary, "a", fin: false), Self.frame(.continuation, "b", fin: false),
            Self.frame(.continuation, "c"),
        ]
        let stream = Self.joined([first] + fragments + [Self.frame(.text, "")])
        #expect(
            Self.pieces(of: stream, cut: cut)
                == [.message(first), .message(Self.joined(fragments)), .message(Self.frame(.text, ""))]
        )
    }

    @Test("A control frame within a message comes before it", arguments: Self.cuts)
    func control(cut: Int) {
        let ping = Self.frame(.ping, "p")
        let fragments = [Self.frame(.text, "a", fin: false), Self.frame(.continuation, "b")]
        #expect(
            Self.pieces(of: Self.joined([fragments[0], ping, fragments[1]]), cut: cut)
                == [.control(.ping, ping), .message(Self.joined(fragments))]
        )
    }

    @Test("A message that is too long to be held passes in parts up to its end", arguments: Self.cuts)
    func parts(cut: Int) {
        let long = Self.frame(.text, String(repeating: "x", count: 100))
        let grown = [
            Self.frame(.text, "short", fin: false),
            Self.frame(.continuation, String(repeating: "y", count: 80), fin: false),
            Self.frame(.continuation, "end"),
        ]
        let after = Self.frame(.text, "after")
        #expect(
            Self.pieces(of: Self.joined([long] + grown + [after]), cut: cut)
                == [.part(long, isEnd: true), .part(Self.joined(grown), isEnd: true), .message(after)]
        )
    }

    @Test("What is no WebSocket passes uncut, with what was held before it", arguments: Self.cuts)
    func other(cut: Int) {
        let begun = Self.frame(.text, "a", fin: false)
        // A text frame where a continuation must be, an unmasked frame, a reserved opcode.
        for wrong in [Self.frame(.text, "b"), Self.frame(.text, "b", mask: nil), ByteBuffer(bytes: [0x83, 0x80])] {
            let stream = Self.joined([Self.frame(.text, "ok"), begun, wrong, ByteBuffer(string: "rest")])
            #expect(
                Self.pieces(of: stream, cut: cut)
                    == [
                        .message(Self.frame(.text, "ok")),
                        .other(Self.joined([begun, wrong, ByteBuffer(string: "rest")])),
                    ]
            )
        }
    }

    @Test("A length that no message ends passes in parts, up to the largest that there is")
    func endless() {
        for length in [UInt64(Int.max), UInt64(Int.max) - 13, UInt64(Int.max) - 14] {
            var stream = ByteBuffer(bytes: [0x82, 0xff])
            stream.writeInteger(length)
            stream.writeString("maskand more")
            #expect(Self.pieces(of: stream, cut: 1000) == [.part(stream, isEnd: false)], "\(length)")
        }
    }

    @Test("Whatever comes, however it is cut, no byte is lost and none is made")
    func anything() {
        var seed: UInt64 = 0x9e37_79b9_7f4a_7c15
        func random(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % bound
        }
        for _ in 0..<2000 {
            var stream = ByteBuffer()
            for _ in 0..<random(12) {
                let fin: UInt8 = random(2) == 0 ? 0x80 : 0
                stream.writeInteger(fin | [0, 0, 1, 2, 8, 9, 10, 3][random(8)])
                stream.writeInteger(UInt8(0x80 | [0, 1, 20, 125, 126, 127][random(6)]))
                stream.writeBytes((0..<random(80)).map { _ in [0, 0, 1, 0x7f, 0xff][random(5)] as UInt8 })
            }
            let total = stream.readableBytes
            var splitter = MessageSplitter(sender: .client, maximumMessageBytes: 64)
            var bytes = 0
            while stream.readableBytes > 0 {
                let cut = min(1 + random(40), stream.readableBytes)
                splitter.append(stream.readSlice(length: cut) ?? ByteBuffer())
                while let piece = splitter.next() {
                    switch piece {
                    case .message(let part), .control(_, let part), .part(let part, _), .other(let part):
                        bytes += part.readableBytes
                    }
                }
            }
            #expect(bytes + splitter.heldBytes == total)
        }
    }

    @Test("A server's frames have no mask")
    func server() {
        let frame = Self.frame(.text, "a", mask: nil)
        #expect(Self.pieces(of: frame, cut: 1, sender: .server) == [.message(frame)])
        let masked = Self.frame(.text, "a")
        #expect(Self.pieces(of: masked, cut: 1, sender: .server) == [.other(masked)])
    }

    @Test("The stream stands between messages until part of a long one has passed")
    func between() {
        var splitter = MessageSplitter(sender: .client, maximumMessageBytes: 16)
        var long = Self.frame(.text, String(repeating: "x", count: 20))
        splitter.append(long.readSlice(length: 10) ?? ByteBuffer())
        #expect(splitter.isBetweenMessages)
        _ = splitter.next()
        #expect(!splitter.isBetweenMessages)
        splitter.append(long)
        _ = splitter.next()
        #expect(splitter.isBetweenMessages)
    }
}
