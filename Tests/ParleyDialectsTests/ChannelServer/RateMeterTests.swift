import NIOCore
import Testing

@testable import ParleyDialects

@Suite struct RateMeterTests {
    /// Milliseconds at which messages come, and whether the last of them is allowed.
    static let cases: [(name: String, limit: Int, times: [Int64], allowed: Bool)] = [
        ("the limit itself, second after second", 2, [0, 1, 1000, 1001, 2000, 2001], true),
        ("a burst of one second", 2, [0, 1, 2, 3, 4, 5], true),
        ("a burst, then the limit", 2, [0, 1, 2, 1000, 1001], true),
        ("above the limit in two seconds on end", 2, [0, 1, 2, 1000, 1001, 1002], false),
        ("a quiet second between two busy ones", 2, [0, 1, 2, 2000, 2001, 2002], true),
        ("a second at the limit between two busy ones", 2, [0, 1, 2, 1000, 1001, 2000, 2001, 2002], true),
        ("busy in the second and third second", 2, [0, 1000, 1001, 1002, 2000, 2001, 2002], false),
        ("no limit", 0, [Int64](repeating: 0, count: 1000), true),
        ("one a second", 1, [0, 999, 1999], true),
    ]

    @Test("The meter tells a burst from a flood", arguments: cases)
    func flood(name: String, limit: Int, times: [Int64], allowed: Bool) {
        var meter = RateMeter(limit: limit)
        for (index, time) in times.enumerated() {
            let now = NIODeadline.uptimeNanoseconds(1_000_000_000) + .milliseconds(time)
            let isAllowed = meter.allows(at: now)
            #expect(isAllowed == (index < times.count - 1 || allowed), "\(name), message \(index)")
        }
    }

    @Test("Time that stands still ends nothing")
    func sameInstant() {
        var meter = RateMeter(limit: 1)
        let isAllowed = (0..<100).map { _ in meter.allows(at: .uptimeNanoseconds(5)) }
        #expect(isAllowed.allSatisfy { $0 })
    }
}
