import NIOCore
import Testing

@testable import ParleyDialects

/// Tests of `RateMeter.swift`.
@Suite struct RateMeterTests {
    /// Milliseconds at which messages come, and whether the last of them is allowed.
    static let cases: [(name: String, limit: Int, times: [Int64], allowed: Bool)] = [
        ("the limit itself, second after second", 2, [0, 1, 1000, 1001, 2000, 2001, 3000, 3001], true),
        ("a burst of one second", 2, [0, 1, 2, 3, 4, 5], true),
        ("a burst, then the limit", 2, [0, 1, 2, 1000, 1001, 2000, 2001, 3000, 3001], true),
        ("above the limit for a second and a bit", 2, [0, 1, 2, 1000, 1001, 1200], true),
        ("above it for a hair less than two seconds", 2, [0, 1, 2, 1000, 1001, 1002, 2000, 2000, 2001], true),
        ("above it for two seconds", 2, [0, 1, 2, 1000, 1001, 1002, 2000, 2001, 2002], false),
        ("a quiet second between busy ones", 2, [0, 1, 2, 2000, 2001, 2002, 3000, 3001, 3002], true),
        (
            "a second at the limit between busy ones", 2, [0, 1, 2, 1000, 1001, 2000, 2001, 2002, 3000, 3001, 3999],
            true
        ),
        ("a rest, then two busy seconds", 2, [0, 1000, 1001, 1002, 2000, 2001, 2002, 3000, 3001, 3002], false),
        ("no limit", 0, [Int64](repeating: 0, count: 1000), true),
        ("one a second", 1, [0, 999, 1999, 2999, 3999], true),
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

    @Test(
        "A steady flood ends two to three seconds after it began, however fast it is",
        arguments: [6, 7, 10, 50, 1000]
    )
    func steady(perSecond: Int) {
        var meter = RateMeter(limit: 5)
        let end = (0..<4 * perSecond).first { index in
            let now =
                NIODeadline.uptimeNanoseconds(1_000_000_000)
                + .nanoseconds(Int64(index) * 1_000_000_000 / Int64(perSecond))
            return !meter.allows(at: now)
        }
        let seconds = end.map { Double($0) / Double(perSecond) }
        #expect(seconds.map { (2.0...3.0).contains($0) } == true, "\(String(describing: seconds))")
    }

    @Test("Time that stands still ends nothing")
    func sameInstant() {
        var meter = RateMeter(limit: 1)
        let isAllowed = (0..<100).map { _ in meter.allows(at: .uptimeNanoseconds(5)) }
        #expect(isAllowed.allSatisfy { $0 })
    }
}
