/// Chance from a seed: the same for the same, so that what depends on it can be tested (SplitMix64).
package struct RedisChance: Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        self.state = seed
    }

    /// From 0 up to 1, without it.
    package mutating func next() -> Double {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
    }
}
