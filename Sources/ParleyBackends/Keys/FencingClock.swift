public import ParleyModel

/// Makes fencing tokens: strictly growing, whatever the clock does.
public struct FencingClock: Sendable {
    private var last: Int64 = 0

    public init() {}

    /// Somebody has given that token.
    public mutating func advance(past token: Int64) { self.last = max(self.last, token) }

    /// Milliseconds since 1970, or one more than the last token if the clock did not advance.
    public mutating func next(at time: WallTime) -> Int64 {
        self.last = max(self.last + 1, time.milliseconds)
        return self.last
    }
}
