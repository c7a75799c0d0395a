import NIOCore
import Testing
import WebSocketProtocol

@Suite struct WebSocketFrameTests {
    @Test("Frames are written as in the examples of RFC 6455 §5.7")
    func examples() {
        let hello: [UInt8] = [0x48, 0x65, 0x6c, 0x6c, 0x6f]
        #expect(written { WebSocketFrame.write(.text, bytes: "Hello", into: &$0) } == [0x81, 0x05] + hello)
        #expect(
            written { WebSocketFrame.write(.text, bytes: "Hello", mask: testMask, into: &$0) }
                == [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        )
        #expect(
            written { WebSocketFrame.write(.text, bytes: "Hel".utf8, fin: false, into: &$0) } == [0x01, 0x03]
                + hello[..<3]
        )
        #expect(
            written { WebSocketFrame.write(.continuation, bytes: "lo".utf8, into: &$0) } == [0x80, 0x02] + hello[3...]
        )
        #expect(written { WebSocketFrame.write(.ping, bytes: "Hello", into: &$0) } == [0x89, 0x05] + hello)
        #expect(
            written { WebSocketFrame.write(.pong, bytes: "Hello", mask: testMask, into: &$0) }
                == [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        )
        let medium = ByteBuffer(repeating: 7, count: 256)
        #expect(
            written { WebSocketFrame.write(.binary, payload: medium, into: &$0) }.prefix(5) == [0x82, 0x7e, 1, 0, 7]
        )
        let long = ByteBuffer(repeating: 7, count: 65536)
        #expect(
            written { WebSocketFrame.write(.binary, payload: long, into: &$0) }.prefix(11)
                == [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0, 7]
        )
    }

    @Test(
        "The header takes the shortest form for every length, and its size is known before",
        arguments: [
            (0, 2), (1, 2), (125, 2), (126, 4), (127, 4), (65535, 4), (65536, 10), (1 << 40, 10), (Int.max, 10),
        ]
    )
    func headerSize(payloadBytes: Int, size: Int) {
        #expect(WebSocketFrame.headerSize(payloadBytes: payloadBytes, masked: false) == size)
        #expect(WebSocketFrame.headerSize(payloadBytes: payloadBytes, masked: true) == size + 4)
        for mask in [nil, testMask] {
            let header = written {
                WebSocketFrame.writeHeader(opcode: .text, payloadBytes: payloadBytes, mask: mask, into: &$0)
            }
            #expect(header.count == WebSocketFrame.headerSize(payloadBytes: payloadBytes, masked: mask != nil))
        }
    }

    @Test("FIN and RSV1 are set as asked")
    func flags() {
        let first = { (fin: Bool, compressed: Bool) in
            written {
                WebSocketFrame.writeHeader(
                    opcode: .binary,
                    fin: fin,
                    compressed: compressed,
                    payloadBytes: 0,
                    into: &$0
                )
            }[0]
        }
        #expect(
            [first(true, false), first(false, false), first(true, true), first(false, true)] == [0x82, 2, 0xc2, 0x42]
        )
    }

    @Test("A payload is appended behind what the buffer already has, and only it is masked")
    func appends() {
        var buffer = ByteBuffer(string: "before")
        buffer.moveReaderIndex(forwardBy: 2)
        WebSocketFrame.write(
            WebSocketMessageKind.text,
            payload: ByteBuffer(string: "Hello"),
            mask: testMask,
            into: &buffer
        )
        #expect(buffer == ByteBuffer(bytes: Array("fore".utf8) + frame(0x81, "Hello")))
    }

    @Test("A close frame carries code and reason, or nothing when the code must not be sent")
    func close() {
        #expect(written { WebSocketFrame.writeClose(code: nil, reason: "x", into: &$0) } == [0x88, 0])
        #expect(
            written { WebSocketFrame.writeClose(code: .goingAway, reason: "bye", into: &$0) }
                == [0x88, 5, 3, 0xe9] + Array("bye".utf8)
        )
        #expect(
            written { WebSocketFrame.writeClose(code: .normal, reason: "bye", mask: testMask, into: &$0) }
                == frame(0x88, [3, 0xe8] + Array("bye".utf8))
        )
        #expect(
            written { WebSocketFrame.writeClose(code: .init(rawValue: 1005), reason: "x", mask: 1, into: &$0) }
                == [0x88, 0x80, 0, 0, 0, 1]
        )
    }

    @Test("A close reason is cut to 123 bytes between two characters", arguments: ["a", "é", "日", "👍"])
    func longReason(character: String) {
        let width = character.utf8.count
        for shift in 0..<4 {
            let reason = String(repeating: "x", count: shift) + String(repeating: character, count: 200)
            let bytes = written { WebSocketFrame.writeClose(code: .normal, reason: reason, into: &$0) }
            let cut = bytes.dropFirst(4)
            #expect(Int(bytes[1]) == cut.count + 2)
            #expect(cut.count <= 123 && cut.count > 123 - width)
            #expect(String(validating: cut, as: UTF8.self).map(reason.hasPrefix) == true)
        }
    }

    @Test("Exactly the codes of RFC 6455 §7.4 and the IANA registry may be sent")
    func closeCodes() {
        let allowed = (UInt16.min...UInt16.max).filter { WebSocketCloseCode(rawValue: $0).isAllowedOnTheWire }
        #expect(allowed == Array(1000...1003) + Array(1007...1014) + Array(3000...4999))
    }
}

private func written(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
    var buffer = ByteBuffer()
    write(&buffer)
    return Array(buffer.readableBytesView)
}
