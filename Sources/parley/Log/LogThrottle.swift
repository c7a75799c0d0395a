import Logging
import NIOCore

/// How much one place in the code may log, so that nobody who can make it speak fills a disk.
///
/// Each place may write ``Limits/lines`` within ``Limits/window``; what is beyond is counted, and the count is told when the
/// window is over. Places are told apart by where they stand in the source, which no peer can make more of.
struct LogThrottle: Sendable {
    struct Limits: Sendable {
        var lines = 100
        var window = TimeAmount.seconds(10)
        /// Places that are told apart; the others share one allowance.
        var places = 512
    }

    struct Place: Hashable, Sendable {
        let file: String
        let line: UInt

        static let others = Place(file: "", line: 0)
    }

    enum Verdict: Equatable {
        case write
        case suppress
        /// The first of a window: ``expired(_:now:)`` is to be called then.
        case suppressAndReport(at: NIODeadline)
    }

    private struct Window {
        var end: NIODeadline
        var lines = 1
        var suppressed = 0
    }

    private let limits: Limits
    private var windows: [Place: Window] = [:]
    /// Lines that were not written.
    private(set) var suppressedCount = 0

    init(_ limits: Limits = Limits()) {
        self.limits = limits
    }

    mutating func admit(_ place: Place, now: NIODeadline) -> Verdict {
        let place = self.known(place, now: now)
        guard var window = self.windows[place], now < window.end || window.suppressed > 0 else {
            self.windows[place] = Window(end: now + self.limits.window)
            return .write
        }
        if window.lines < self.limits.lines {
            window.lines += 1
            self.windows[place] = window
            return .write
        }
        window.suppressed += 1
        self.suppressedCount += 1
        self.windows[place] = window
        return window.suppressed == 1 ? .suppressAndReport(at: window.end) : .suppress
    }

    /// Ends the window of a place.
    /// - Returns: How many lines were suppressed in it.
    mutating func expired(_ place: Place, now: NIODeadline) -> Int {
        let place = self.windows[place] == nil ? .others : place
        guard let window = self.windows[place], window.end <= now else { return 0 }
        self.windows[place] = nil
        return window.suppressed
    }

    private mutating func known(_ place: Place, now: NIODeadline) -> Place {
        if self.windows[place] != nil || self.windows.count < self.limits.places { return place }
        self.windows = self.windows.filter { $0.value.end > now || $0.value.suppressed > 0 }
        return self.windows.count < self.limits.places ? place : .others
    }
}
