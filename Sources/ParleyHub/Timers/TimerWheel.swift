public import NIOCore

/// Wakes many things at roughly the right time with one timer: a hashed wheel of slots a tenth of a second wide.
///
/// Coarse and lazy on purpose: an owner that is active merely notes the time, and when it is woken works out whether its
/// deadline has come or moved. A wake later than the wheel's horizon comes at the horizon, and is scheduled again then.
public struct TimerWheel<Element> {
    /// Wakes come up to this much late, never early.
    public let resolution: TimeAmount
    private var slots: [ContiguousArray<Element>]
    private var cursor = 0
    /// The time of the slot under the cursor.
    private var cursorTime: NIODeadline
    public private(set) var count = 0

    public init(now: NIODeadline, resolution: TimeAmount = .milliseconds(100), slots: Int = 512) {
        self.resolution = resolution
        self.slots = Array(repeating: [], count: slots)
        self.cursorTime = now
    }

    public var isEmpty: Bool { self.count == 0 }

    public mutating func schedule(_ element: Element, at deadline: NIODeadline, now: NIODeadline) {
        if self.count == 0 { self.cursorTime = now }
        let wait = max(0, (deadline - self.cursorTime).nanoseconds)
        // Rounded up, so that a wake is never early; at least the next slot, as the present one may have run already.
        let ticks = (wait + self.resolution.nanoseconds - 1) / self.resolution.nanoseconds
        let distance = min(max(1, Int(ticks)), self.slots.count - 1)
        self.slots[(self.cursor + distance) % self.slots.count].append(element)
        self.count += 1
    }

    /// Moves to `now` and returns everything that is due.
    public mutating func advance(to now: NIODeadline) -> [Element] {
        var due: [Element] = []
        var steps = 0
        while self.count > 0, self.cursorTime + self.resolution <= now, steps < self.slots.count {
            self.cursor = (self.cursor + 1) % self.slots.count
            self.cursorTime = self.cursorTime + self.resolution
            steps += 1
            if !self.slots[self.cursor].isEmpty {
                due.append(contentsOf: self.slots[self.cursor])
                self.count -= self.slots[self.cursor].count
                // Not kept: a burst of connections would leave its storage behind in every slot.
                self.slots[self.cursor] = []
            }
        }
        if self.cursorTime + self.resolution <= now { self.cursorTime = now }
        return due
    }
}
