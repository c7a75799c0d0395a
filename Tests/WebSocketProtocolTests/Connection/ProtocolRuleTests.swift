import NIOCore
import Testing
import WebSocketProtocol

/// One row: what a peer sends, and the kind of failure that must come of it.
struct Broken: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let kind: WebSocketFailure.Kind
    let bytes: [UInt8]
    let setup: Setup

    init(_ name: String, _ kind: WebSocketFailure.Kind, _ bytes: [UInt8], _ setup: Setup = Setup()) {
        self.testDescription = name
        self.kind = kind
        self.bytes = bytes
        self.setup = setup
    }
}

@Suite struct ProtocolRuleTests {
    static let client = Setup(role: .client)
    static let deflate = Setup(compression: PerMessageDeflate())

    static let headerRows: [Broken] =
        [
            .init("RSV1 without compression", .reservedBits, frame(0xc1, "x")),
            .init("RSV2", .reservedBits, frame(0xa1, "x"), deflate),
            .init("RSV3", .reservedBits, frame(0x91, "x"), deflate),
            .init("all of them", .reservedBits, frame(0xf1, "x"), deflate),
            .init("RSV1 on a ping", .reservedBits, frame(0xc9), deflate),
            .init("RSV1 on a close", .reservedBits, frame(0xc8), deflate),
            .init("RSV1 on a continuation", .reservedBits, frame(0x41, [0]) + frame(0xc0, [0]), deflate),
            .init("no mask from a client", .notMasked, frame(0x81, "x", mask: nil)),
            .init("no mask on an empty ping", .notMasked, frame(0x89, mask: nil)),
            .init("mask from a server", .masked, frame(0x81, "x"), client),
            .init("fragmented ping", .fragmentedControl, frame(0x09, "x")),
            .init("fragmented close", .fragmentedControl, frame(0x08, close(1000))),
            .init("ping of 126 bytes", .controlTooLong, frame(0x89, [UInt8](repeating: 0, count: 126))),
            .init("close of 126 bytes", .controlTooLong, frame(0x88, close(1000, String(repeating: "x", count: 124)))),
            .init("125 in 16 bits", .lengthEncoding, [0x82, 0xfe, 0, 125]),
            .init("0 in 16 bits", .lengthEncoding, [0x82, 0xfe, 0, 0]),
            .init("65535 in 64 bits", .lengthEncoding, [0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
            .init("0 in 64 bits", .lengthEncoding, [0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
            .init("most significant bit", .lengthEncoding, [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            .init("all length bits", .lengthEncoding, [0x82] + [UInt8](repeating: 0xff, count: 9)),
        ]
        + (UInt8(0)...15).filter { ![0, 1, 2, 8, 9, 10].contains($0) }.map {
            .init("opcode \($0)", .reservedOpcode, frame(0x80 | $0))
        }

    static let sequenceRows: [Broken] = [
        .init("continuation first", .unexpectedContinuation, frame(0x80, "x")),
        .init("unfinished continuation first", .unexpectedContinuation, frame(0x00, "x")),
        .init("continuation after a message", .unexpectedContinuation, frame(0x81, "x") + frame(0x80, "x")),
        .init(
            "continuation after a fragmented message",
            .unexpectedContinuation,
            frame(0x01, "x") + frame(0x80, "x") + frame(0x80, "x")
        ),
        .init("text inside of a message", .expectedContinuation, frame(0x01, "x") + frame(0x81, "x")),
        .init("binary inside of a text", .expectedContinuation, frame(0x01, "x") + frame(0x02, "x")),
        .init(
            "text after a ping inside of a message",
            .expectedContinuation,
            frame(0x01, "x") + frame(0x89) + frame(0x81, "x")
        ),
        .init("a new first fragment after an empty one", .expectedContinuation, frame(0x01) + frame(0x01)),
    ]

    static let closingRows: [Broken] =
        [
            .init("payload of one byte", .invalidClose, frame(0x88, [3])),
            .init("reason is not UTF-8", .invalidUTF8, frame(0x88, close(1000) + [0xff])),
            .init("reason is cut inside of a character", .invalidUTF8, frame(0x88, close(1000) + [0xe2, 0x82])),
        ]
        + ([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] as [UInt16]).map {
            .init("code \($0)", .invalidClose, frame(0x88, close($0)))
        }

    static let textRows: [Broken] = [
        .init("invalid byte", .invalidUTF8, frame(0x81, [0x61, 0xff, 0x61])),
        .init("invalid byte in the second frame", .invalidUTF8, frame(0x01, "x") + frame(0x80, [0xc0])),
        .init("surrogate across frames", .invalidUTF8, frame(0x01, [0xed]) + frame(0x80, [0xa0, 0x80])),
        .init("invalid before the message ends", .invalidUTF8, frame(0x01, [0xf4, 0x90])),
        .init(
            "invalid before the frame ends",
            .invalidUTF8,
            Array(frame(0x81, [0x61, 0xff] + Array("rest".utf8)).dropLast(4))
        ),
        .init("cut at the end of the message", .invalidUTF8, frame(0x81, [0x61, 0xe2, 0x82])),
        .init("cut at the end of the last fragment", .invalidUTF8, frame(0x01, [0xe2]) + frame(0x80, [0x82])),
        .init("cut before an empty last fragment", .invalidUTF8, frame(0x01, [0xe2]) + frame(0x80)),
    ]

    @Test("A broken header fails the connection", arguments: headerRows)
    func header(row: Broken) { check(row, code: .protocolError) }

    @Test("A frame out of sequence fails the connection", arguments: sequenceRows)
    func sequence(row: Broken) { check(row, code: .protocolError) }

    @Test("A malformed close frame fails the connection", arguments: closingRows)
    func closing(row: Broken) { check(row, code: row.kind == .invalidUTF8 ? .invalidPayload : .protocolError) }

    @Test("Text that is not UTF-8 fails the connection as soon as it is seen", arguments: textRows)
    func text(row: Broken) { check(row, code: .invalidPayload) }

    private func check(_ row: Broken, code: WebSocketCloseCode) {
        // What follows the violation must not be looked at.
        for tail in [[], frame(0x81, "after"), frame(0x88, close(1000))] {
            let failure = actions(for: row.bytes + tail, row.setup).last?.failure
            #expect(failure?.kind == row.kind)
            #expect(failure?.code == code)
        }
        var feed = Feed(row.setup)
        feed.receive(row.bytes)
        #expect(feed.connection.state == .closed)
        let begun = feed.connection.beginClose()
        #expect(!begun)
        #expect(!feed.connection.isMidMessage)
        #expect(feed.connection.bufferedBytes == 0)
    }

    @Test("Every failure has a short reason and a metric label of a few letters")
    func reasons() {
        let rows = Self.headerRows + Self.sequenceRows + Self.closingRows + Self.textRows
        for row in rows {
            let reason = actions(for: row.bytes, row.setup).last?.failure?.reason ?? ""
            #expect((10...123).contains(reason.utf8.count))
        }
        for kind in WebSocketFailure.Kind.allCases {
            #expect(kind.rawValue.utf8.allSatisfy { $0 == UInt8(ascii: "_") || (0x30...0x7a).contains($0) })
            #expect(kind.code.isAllowedOnTheWire)
        }
    }
}
