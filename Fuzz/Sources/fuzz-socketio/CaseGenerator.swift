import FuzzSupport

/// What each parser is fed: something it understands, most often damaged.
enum Parser: UInt8, CaseIterable {
    case polling, polling3Text, polling3Binary, packets, messagePackPackets, messagePack, json, query
}

struct CaseGenerator {
    private var random: SeededGenerator

    init(seed: UInt64, number: UInt64) {
        self.random = SeededGenerator(seed: seed &+ number &* 0x2545_f491_4f6c_dd1d)
    }

    mutating func makeCase() -> [UInt8] {
        let parser = self.random.pick(Parser.allCases)
        var bytes = self.example(of: parser)
        if !self.random.oneIn(4) { self.damage(&bytes) }
        return [parser.rawValue] + bytes
    }

    private mutating func example(of parser: Parser) -> [UInt8] {
        switch parser {
        case .polling:
            return Array(
                (0..<Int.random(in: 1...4, using: &self.random)).map { _ in self.packet() }.joined(separator: "\u{1e}")
                    .utf8
            )
        case .polling3Text:
            return (0..<Int.random(in: 1...4, using: &self.random)).flatMap { _ in
                let packet = self.packet()
                return Array("\(packet.utf16.count):\(packet)".utf8)
            }
        case .polling3Binary:
            return (0..<Int.random(in: 1...4, using: &self.random)).flatMap { _ -> [UInt8] in
                let isText = self.random.oneIn(2)
                let payload =
                    isText
                    ? Array(self.packet().utf8) : [4] + self.random.bytes(Int.random(in: 0...20, using: &self.random))
                let length = "\(payload.count)".utf8.map { $0 - UInt8(ascii: "0") }
                return [isText ? 0 : 1] + length + [0xFF] + payload
            }
        case .packets:
            // Lines: what begins with b is a binary message.
            let lines = ["0"] + (0..<Int.random(in: 1...6, using: &self.random)).map { _ in self.socketPacket() }
            return Array(lines.joined(separator: "\n").utf8)
        case .messagePackPackets:
            return [0x84] + Self.string("type") + [UInt8(self.random.pick([0, 1, 2, 3, 4, 5]))] + Self.string("nsp")
                + Self.string("/") + Self.string("data") + [0x92] + Self.string("x") + self.messagePack(depth: 3)
                + Self.string("id") + [UInt8.random(in: 0...0x7f, using: &self.random)]
        case .messagePack:
            return self.messagePack(depth: 4)
        case .json:
            return Array(self.json(depth: 4).utf8)
        case .query:
            return Array(
                self.random.pick([
                    "EIO=4&transport=polling&sid=abc", "transport=websocket&EIO=3&b64=1",
                    "EIO=4&transport=polling&t=%41%zz+%e2",
                    "a=b&&=&%=%25",
                ]).utf8
            )
        }
    }

    private mutating func packet() -> String {
        self.random.pick([
            "2", "3", "2probe", "3probe", "5", "6", "1", "bAQID", "b", "4" + self.socketPacket(), "4héllo €",
        ])
    }

    private mutating func socketPacket() -> String {
        let namespace = self.random.pick(["", "", "/a,", "/admin", "/x y,"])
        let id = self.random.pick(["", "", "0", "12", "9007199254740991", "99999999999999999999"])
        return self.random.pick([
            "2\(namespace)\(id)[\"x\",\(self.json(depth: 3))]", "3\(namespace)\(id)[\(self.json(depth: 2))]",
            "0\(namespace){\"a\":1}",
            "1\(namespace)", "51-\(namespace)\(id)[\"x\",{\"_placeholder\":true,\"num\":0}]", "b\u{1}\u{2}",
            "52-[\"x\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]", "2[\"connect\"]",
            "46-1[]",
        ])
    }

    private mutating func json(depth: Int) -> String {
        guard depth > 0 else {
            return self.random.pick(["1", "-0.5e3", "null", "true", "\"a\\u00e9\\n\"", "\"\"", "12345678901234567890"])
        }
        switch Int.random(in: 0..<4, using: &self.random) {
        case 0: return "[\(self.json(depth: depth - 1)), \(self.json(depth: depth - 1))]"
        case 1: return "{\"k\":\(self.json(depth: depth - 1)),\"_placeholder\":true,\"num\":0}"
        default: return self.json(depth: 0)
        }
    }

    private mutating func messagePack(depth: Int) -> [UInt8] {
        guard depth > 0 else {
            return self.random.pick([
                [0x00], [0xff], [0xc0], [0xc3], [0xca, 0x3f, 0, 0, 0], [0xcb, 0x40, 9, 0, 0, 0, 0, 0, 0],
                [0xcf] + Array(repeating: 0xff, count: 8),
                [0xc4, 2, 1, 2], Self.string("text"), [0xd4, 0, 0], [0xd6, 0xff, 0, 0, 0, 1],
                [0xdb, 0xff, 0xff, 0xff, 0xff], [0xdd, 0xff, 0, 0, 0],
            ])
        }
        return self.random.oneIn(2)
            ? [0x92] + self.messagePack(depth: depth - 1) + self.messagePack(depth: depth - 1)
            : [0x81] + Self.string("k") + self.messagePack(depth: depth - 1)
    }

    private static func string(_ text: String) -> [UInt8] { [0xa0 | UInt8(text.utf8.count)] + Array(text.utf8) }

    private mutating func damage(_ bytes: inout [UInt8]) {
        for _ in 0..<Int.random(in: 1...3, using: &self.random) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &self.random)
            switch Int.random(in: 0..<5, using: &self.random) {
            case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &self.random)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(contentsOf: self.random.bytes(Int.random(in: 1...4, using: &self.random)), at: index)
            case 3: bytes.removeLast(bytes.count - index)
            default: bytes.insert(contentsOf: bytes[index...].prefix(50), at: index)
            }
        }
    }
}
