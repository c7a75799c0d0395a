import FuzzSupport
import NIOCore
import WebSocketProtocol

/// Makes conversations that follow the rules, and damages most of them.
struct CaseGenerator {
    private var random: SeededGenerator
    /// The actions that the peer's frames must give, as long as nothing is damaged.
    private(set) var expected: [WebSocketConnection.ReceiveAction] = []
    private(set) var isDamaged = false

    init(seed: UInt64, number: UInt64) {
        self.random = SeededGenerator(seed: seed &* 0x1_0000_01b3 &+ number)
    }

    mutating func makeCase() -> FuzzCase {
        let wantsDamage = !self.random.oneIn(4)
        // Small limits and a close of ours only in damaged cases: the others must give back all of their messages.
        let mask: UInt8 = wantsDamage ? 0x3f : 0x07
        let setup = UInt8.random(in: 0...0xff, using: &self.random) & mask
        var fuzzCase = FuzzCase(bytes: [setup] + self.random.bytes(2))
        fuzzCase.bytes[1] = self.random.oneIn(2) ? 0 : fuzzCase.bytes[1] & 3
        var stream = ByteBuffer()
        var context = fuzzCase.compression.map { _ in ContextDeflater() }
        for _ in 0..<Int.random(in: 0...6, using: &self.random) {
            self.writeMessage(fuzzCase, context: &context, into: &stream)
        }
        if self.random.oneIn(3) { self.writeClose(fuzzCase, into: &stream) }
        var bytes = Array(stream.readableBytesView)
        if wantsDamage {
            self.isDamaged = true
            for _ in 0..<Int.random(in: 1...3, using: &self.random) { self.damage(&bytes) }
        }
        fuzzCase.bytes += bytes
        return fuzzCase
    }

    private mutating func writeMessage(
        _ fuzzCase: FuzzCase,
        context: inout ContextDeflater?,
        into stream: inout ByteBuffer
    ) {
        let kind = self.random.pick([WebSocketMessageKind.text, .binary])
        let payload = ByteBuffer(bytes: self.payload(kind))
        var body = payload
        let compressed = fuzzCase.compression != nil && self.random.oneIn(2)
        if compressed {
            body.clear()
            if fuzzCase.compression?.serverNoContextTakeover == true {
                SharedDeflater(level: 1).compress(payload, into: &body)
            } else {
                context?.compress(payload, into: &body)
            }
        }
        let fragments = self.random.pick([1, 1, 1, 2, 3, 6])
        for index in 0..<fragments {
            if self.random.oneIn(6) { self.writePing(fuzzCase, into: &stream) }
            let isLast = index == fragments - 1
            let count = isLast ? body.readableBytes : Int.random(in: 0...body.readableBytes, using: &self.random)
            WebSocketFrame.write(
                index == 0 ? kind.opcode : .continuation,
                payload: body.readSlice(length: count) ?? ByteBuffer(),
                fin: isLast,
                compressed: compressed && index == 0,
                mask: self.mask(fuzzCase),
                into: &stream
            )
        }
        self.expected.append(.message(kind, payload))
    }

    private mutating func writePing(_ fuzzCase: FuzzCase, into stream: inout ByteBuffer) {
        let count = self.random.pick([0, 1, 4, 125])
        let payload = ByteBuffer(bytes: self.random.bytes(count))
        let isPing = self.random.oneIn(2)
        WebSocketFrame.write(isPing ? .ping : .pong, payload: payload, mask: self.mask(fuzzCase), into: &stream)
        self.expected.append(isPing ? .ping(payload) : .pong(payload))
    }

    private mutating func writeClose(_ fuzzCase: FuzzCase, into stream: inout ByteBuffer) {
        let code = self.random.pick([nil, WebSocketCloseCode.normal, .goingAway, .init(rawValue: 4999)])
        let reason = code == nil ? "" : self.random.pick(["", "bye", "grüße"])
        WebSocketFrame.writeClose(code: code, reason: reason, mask: self.mask(fuzzCase), into: &stream)
        self.expected.append(.peerClosed(code, reason: reason))
    }

    private mutating func mask(_ fuzzCase: FuzzCase) -> UInt32? {
        fuzzCase.role == .server ? UInt32.random(in: 0 ... .max, using: &self.random) : nil
    }

    private mutating func payload(_ kind: WebSocketMessageKind) -> [UInt8] {
        let count = self.random.pick([0, 1, 2, 7, 16, 60, 125, 126, 127, 300, 1000, 20_000])
        guard kind == .text else { return self.random.bytes(count) }
        var text = ""
        while text.utf8.count < count {
            text += self.random.pick(["a", "hello ", "{\"id\":1}", "é", "€", "👍", "\u{0}"])
        }
        return Array(text.utf8)
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = self.random.bytes(20)
            return
        }
        // Headers stand near the beginning more often than chance would have it.
        let end = self.random.oneIn(2) ? bytes.count : min(bytes.count, 16)
        let index = Int.random(in: 0..<end, using: &self.random)
        switch Int.random(in: 0..<7, using: &self.random) {
        case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &self.random)
        case 1: bytes[index] = self.random.pick([0, 0x7f, 0x80, 0xff, 0xfe, 0x81, 0x88, 0xc1])
        case 2: bytes.remove(at: index)
        case 3: bytes.insert(UInt8(truncatingIfNeeded: self.random.next()), at: index)
        case 4: bytes.removeSubrange(index..<min(bytes.count, index + 40))
        case 5: bytes.insert(contentsOf: bytes[index..<min(bytes.count, index + 40)], at: index)
        default:
            // A length that nobody should believe.
            let length: [UInt8] = self.random.pick([
                [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], [0x82, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
                [0x02, 0x7f, 0, 0, 0, 0, 0x40, 0, 0, 0], [0x82, 0xfe, 0xff, 0xff],
            ])
            bytes.insert(contentsOf: length, at: index)
        }
    }
}
