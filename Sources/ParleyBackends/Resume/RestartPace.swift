public import NIOCore

/// When a backend that does not stay may be started again: at once, then after pauses that grow.
public struct RestartPace: Sendable {
    private static let firstPause = TimeAmount.milliseconds(500)
    private static let longestPause = TimeAmount.seconds(10)
    /// Whoever has run for so long begins anew.
    private static let steadyTime = TimeAmount.seconds(60)

    private var pause = Self.firstPause
    /// Not before.
    public private(set) var next = NIODeadline.uptimeNanoseconds(0)

    public init() {}

    public mutating func started(at now: NIODeadline) {
        if self.isSteady(at: now) { self.pause = Self.firstPause }
        self.next = now + self.pause
        self.pause = min(self.pause + self.pause, Self.longestPause)
    }

    /// Whether nothing needs to be remembered.
    public func isSteady(at now: NIODeadline) -> Bool { self.next + Self.steadyTime <= now }
}
