import NIOCore
import Testing

@testable import ParleyDialects

/// Tests of `EventRateLimit.swift`.
@Suite struct EventRateLimitTests {
    /// Milliseconds at which events come, and whether the last of them is allowed.
    static let cases: [(name: String, limit: Int, times: [Int64], allowed: Bool)] = [
        ("as many as allowed", 3, [0, 0, 0], true),
        ("one more", 3, [0, 0, 0, 0], false),
        ("one more at the end of the second", 3, [0, 0, 0, 999], false),
        ("one more a second later", 3, [0, 0, 0, 1000], true),
        ("the limit, second after second", 2, [0, 1, 1000, 1001, 2000, 2001], true),
        ("a rest saves nothing up", 2, [0, 9000, 9000, 9000], false),
        ("no limit", 0, [Int64](repeating: 0, count: 1000), true),
    ]

    @Test("So many events a second are allowed", arguments: cases)
    func limit(name: String, limit: Int, times: [Int64], allowed: Bool) {
        var meter = EventRateLimit(limit: limit)
        for (index, time) in times.enumerated() {
            let isAllowed = meter.allows(at: .uptimeNanoseconds(1_000_000_000) + .milliseconds(time))
            #expect(isAllowed == (index < times.count - 1 || allowed), "\(name), event \(index)")
        }
    }
}
