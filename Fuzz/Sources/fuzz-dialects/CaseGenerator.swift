import FuzzSupport

/// Whose messages a case has.
enum Speaker: UInt8, CaseIterable {
    case sessionChat, disposableChat, channelServer, relay, gateway, chatRequest
}

/// Makes what clients say: something that is understood, most often damaged.
struct CaseGenerator {
    private var random: SeededGenerator

    init(seed: UInt64, number: UInt64) {
        self.random = SeededGenerator(seed: seed &+ number &* 0x2545_f491_4f6c_dd1d)
    }

    mutating func makeCase() -> [UInt8] {
        let speaker = self.random.pick(Speaker.allCases)
        var bytes = Array(self.messages(of: speaker).joined(separator: "\n").utf8)
        if !self.random.oneIn(4) { self.damage(&bytes) }
        return [speaker.rawValue] + bytes
    }

    private mutating func messages(of speaker: Speaker) -> [String] {
        (0..<Int.random(in: 1...5, using: &self.random)).map { _ in
            // What begins with b is a binary message.
            (self.random.oneIn(6) ? "b" : "t") + self.message(of: speaker)
        }
    }

    private mutating func message(of speaker: Speaker) -> String {
        switch speaker {
        case .sessionChat, .relay:
            return self.random.pick([
                "hello", "", "{\"a\":1}", "é 😀\u{200D}", String(repeating: "x", count: 1001), "\u{FEFF}\u{0}",
            ])
        case .disposableChat:
            return self.random.pick([
                "{\"text\":\(self.json(depth: 1))}", "{\"text\":\"\(String(repeating: "é", count: 301))\"}",
                self.json(depth: 2),
                "{\"text\":\"a\",\"text\":\"\"}",
            ])
        case .channelServer:
            return self.random.pick([
                "{\"type\":\"join\",\"channelId\":\(self.json(depth: 0))}", "{\"type\":\"join\",\"channelId\":\"x\"}",
                "{\"data\":\(self.json(depth: 3)),\"type\":\"publish\"}",
                "{\"type\":\"ping\",\"data\":\(self.json(depth: 3))}",
                "{\"t\\u0079pe\":\"pu\\u0062lish\",\"data\":1.0}", "{\"type\":\"publish\"}", self.json(depth: 2),
                "{\"type\":\"join\",\"channelId\":\"\(String(repeating: "é", count: 513))\"}",
            ])
        case .gateway:
            return self.random.pick([
                "{\"event\":\"echo\",\"data\":\(self.json(depth: 3))}", "{\"event\":\(self.json(depth: 1))}",
                self.json(depth: 2),
                "{\"ev\\u0065nt\":\"\\u0070ing\",\"data\":null}",
            ])
        case .chatRequest:
            return """
                {"message":\(self.json(depth: 0)),"conversationHistory":[\(self.turns())],"locale":\(self.json(depth: 0))}
                """
        }
    }

    private mutating func turns() -> String {
        (0..<Int.random(in: 0...52, using: &self.random)).map { _ in
            self.random.oneIn(4)
                ? self.json(depth: 2)
                : "{\"role\":\"\(self.random.pick(["user", "assistant", "system", "x"]))\",\"content\":\(self.json(depth: 0))}"
        }.joined(separator: ",")
    }

    private mutating func json(depth: Int) -> String {
        guard depth > 0 else {
            return self.random.pick([
                "1", "-0.5e3", "null", "true", "\"a\\u00e9\\n\"", "\"\"", "12345678901234567890", "1.0", "\"\\ud800\"",
                "\"\\ud83d\\ude00\"", "\"lobby\"", "\"en-GB\"",
            ])
        }
        switch Int.random(in: 0..<4, using: &self.random) {
        case 0: return "[\(self.json(depth: depth - 1)), \(self.json(depth: depth - 1))]"
        case 1: return "{\"k\":\(self.json(depth: depth - 1)),\"text\" : \(self.json(depth: depth - 1))}"
        default: return self.json(depth: 0)
        }
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        for _ in 0..<Int.random(in: 1...3, using: &self.random) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &self.random)
            switch Int.random(in: 0..<6, using: &self.random) {
            case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &self.random)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(contentsOf: self.random.bytes(Int.random(in: 1...4, using: &self.random)), at: index)
            case 3: bytes.removeLast(bytes.count - index)
            case 4: bytes.insert(contentsOf: Array(repeating: UInt8(ascii: "["), count: 300), at: index)
            default: bytes.insert(contentsOf: bytes[index...].prefix(50), at: index)
            }
        }
    }
}
