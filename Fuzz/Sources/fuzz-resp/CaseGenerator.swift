import FuzzSupport
import FuzzedRESP
import NIOCore

/// Makes what a server could say, and damages most of it.
struct CaseGenerator {
    private var random: SeededGenerator
    /// What must be read, as long as nothing is damaged.
    private(set) var expected: [RESPValue] = []
    private(set) var isDamaged = false

    init(seed: UInt64, number: UInt64) {
        self.random = SeededGenerator(seed: seed &* 0x1_0000_01b3 &+ number)
    }

    /// A byte that chooses limits, and the stream.
    mutating func makeCase() -> [UInt8] {
        self.isDamaged = !self.random.oneIn(4)
        var stream = ByteBuffer()
        for _ in 0..<Int.random(in: 0...6, using: &self.random) {
            let value = self.value(depth: 5)
            self.expected.append(value)
            stream.writeRESPValue(value)
        }
        var bytes = Array(stream.readableBytesView)
        guard self.isDamaged else { return [0] + bytes }
        for _ in 0..<Int.random(in: 1...4, using: &self.random) { self.damage(&bytes) }
        return [UInt8.random(in: 0...1, using: &self.random)] + bytes
    }

    private mutating func value(depth: Int) -> RESPValue {
        let count = depth == 0 ? 0 : self.random.pick([0, 1, 1, 2, 3, 8])
        switch Int.random(in: 0...(depth == 0 ? 9 : 14), using: &self.random) {
        case 0: return .null
        case 1: return .simpleString(self.line())
        case 2: return .simpleError(self.line())
        case 3: return .bulkString(self.bytes())
        case 4: return .bulkError(self.bytes())
        case 5: return .integer(self.random.pick([0, -1, 1, .max, .min, 1_000_000]))
        case 6: return .double(self.random.pick([0, -0.5, 1e300, .infinity, -.infinity]))
        case 7: return .boolean(self.random.oneIn(2))
        case 8: return .bigNumber(ByteBuffer(string: self.random.pick(["-1", "123456789012345678901234567890"])))
        case 9: return .verbatim(format: ByteBuffer(string: "txt"), text: self.bytes())
        case 10: return .array((0..<count).map { _ in self.value(depth: depth - 1) })
        case 11: return .set((0..<count).map { _ in self.value(depth: depth - 1) })
        case 12: return .push((0..<count).map { _ in self.value(depth: depth - 1) })
        case 13: return .map(self.pairs(count, depth: depth))
        default: return .attributed(self.value(depth: depth - 1), attributes: self.pairs(count, depth: depth))
        }
    }

    private mutating func pairs(_ count: Int, depth: Int) -> [RESPPair] {
        (0..<count).map { _ in RESPPair(self.value(depth: depth - 1), self.value(depth: depth - 1)) }
    }

    private mutating func line() -> ByteBuffer {
        ByteBuffer(string: self.random.pick(["", "OK", "ERR no such key", "MOVED 1 10.0.0.1:6379", "grüße"]))
    }

    private mutating func bytes() -> ByteBuffer {
        ByteBuffer(bytes: self.random.bytes(self.random.pick([0, 1, 2, 15, 16, 300, 5000])))
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = self.random.bytes(20)
            return
        }
        let end = self.random.oneIn(2) ? bytes.count : min(bytes.count, 24)
        let index = Int.random(in: 0..<end, using: &self.random)
        switch Int.random(in: 0..<7, using: &self.random) {
        case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &self.random)
        case 1: bytes[index] = self.random.pick(Array("*$+-:,(!=%~>|_#;.?\r\n0129".utf8))
        case 2: bytes.remove(at: index)
        case 3: bytes.removeSubrange(index..<min(bytes.count, index + 40))
        case 4: bytes.insert(contentsOf: bytes[index..<min(bytes.count, index + 40)], at: index)
        case 5:
            // Announced, and nothing behind it.
            let text = self.random.pick([
                "*1048576\r\n", "%9223372036854775807\r\n", "$67108864\r\n", "$-1\r\n", "*?\r\n", "$?\r\n;5\r\nab",
                "|1\r\n",
                "*999999999999999999\r\n", "$99999999999999999999\r\n", ">3\r\n",
            ])
            bytes.insert(contentsOf: Array(text.utf8), at: index)
        default:
            let nesting = self.random.pick(["*1\r\n", "*?\r\n", "|1\r\n_\r\n", "%1\r\n"])
            let count = self.random.pick([10, 63, 64, 65, 5000])
            bytes.insert(contentsOf: Array(String(repeating: nesting, count: count).utf8), at: index)
        }
    }
}
