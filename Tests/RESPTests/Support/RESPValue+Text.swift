import NIOCore

@testable import RESP

extension RESPValue {
    static func big(_ digits: String) -> Self { .bigNumber(ByteBuffer(string: digits)) }
    static func verbatim(_ format: String, _ text: String) -> Self {
        .verbatim(format: ByteBuffer(string: format), text: ByteBuffer(string: text))
    }

    /// Made by chance: every type, some nesting.
    static func random(depth: Int, using random: inout SeededGenerator) -> Self {
        let bytes = ByteBuffer(
            bytes: (0..<Int.random(in: 0...20, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        )
        let line = ByteBuffer(string: ["", "OK", "ERR no", "grüße"].randomElement(using: &random) ?? "")
        let count = depth == 0 ? 0 : Int.random(in: 0...4, using: &random)
        switch Int.random(in: 0...(depth == 0 ? 9 : 14), using: &random) {
        case 0: return .null
        case 1: return .simpleString(line)
        case 2: return .simpleError(line)
        case 3: return .bulkString(bytes)
        case 4: return .bulkError(bytes)
        case 5:
            return .integer(Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0...63, using: &random))
        case 6:
            return .double(
                [0, -1.5, 1e300, .leastNonzeroMagnitude, .infinity, -.infinity].randomElement(using: &random) ?? 0
            )
        case 7: return .boolean(Bool.random(using: &random))
        case 8: return .big("-\(UInt64.random(in: 0 ... .max, using: &random))\(UInt64.max)")
        case 9: return .verbatim("txt", "text")
        case 10: return .array((0..<count).map { _ in self.random(depth: depth - 1, using: &random) })
        case 11: return .set((0..<count).map { _ in self.random(depth: depth - 1, using: &random) })
        case 12: return .push((0..<count).map { _ in self.random(depth: depth - 1, using: &random) })
        case 13: return .map(self.randomPairs(count, depth: depth, using: &random))
        default:
            let inner = self.random(depth: depth - 1, using: &random)
            return .attributed(inner, attributes: self.randomPairs(count, depth: depth, using: &random))
        }
    }

    private static func randomPairs(_ count: Int, depth: Int, using random: inout SeededGenerator) -> [RESPPair] {
        (0..<count).map { _ in
            RESPPair(self.random(depth: depth - 1, using: &random), self.random(depth: depth - 1, using: &random))
        }
    }
}

/// What a parser makes of bytes that come in these pieces.
func parse(_ pieces: [[UInt8]], limits: RESPLimits = RESPLimits()) -> (values: [RESPValue], error: RESPError?) {
    var parser = RESPParser(limits: limits)
    var values: [RESPValue] = []
    for piece in pieces {
        parser.receive(ByteBuffer(bytes: piece))
        do throws(RESPError) {
            while let value = try parser.next() { values.append(value) }
        } catch {
            return (values, error)
        }
    }
    return (values, nil)
}

func parse(_ text: String, limits: RESPLimits = RESPLimits()) -> (values: [RESPValue], error: RESPError?) {
    parse([Array(text.utf8)], limits: limits)
}
