/// SplitMix64: the same numbers for the same seed, on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: self.next()) }
    }

    /// Letters with much repetition, as text has it.
    mutating func text(_ count: Int) -> [UInt8] {
        let words = ["user", "message", "room", "{\"id\":", "},", "hello ", "world ", "é", "日本"]
        var text: [UInt8] = []
        while text.count < count { text += Array(words[Int(self.next() % UInt64(words.count))].utf8) }
        while text.count > count || !text.isEmpty && text[text.count - 1] & 0x80 != 0 { text.removeLast() }
        return text
    }
}
