import NIOCore
import Testing

@testable import ParleyHub

@Suite struct ProgressWatchTests {
    struct Case: Sendable {
        /// Seconds, and what has arrived in all by then.
        let arrivals: [[Int]]
        /// By when more must have come.
        let deadline: Int64
    }

    private static let cases = [
        Case(arrivals: [[0, 5]], deadline: 30),
        Case(arrivals: [[0, 1], [25, 2], [29, 1024]], deadline: 30),
        Case(arrivals: [[0, 1], [25, 1025]], deadline: 55),
        Case(arrivals: [[0, 1], [10, 600], [20, 1100]], deadline: 50),
        Case(arrivals: [[0, 1], [10, 1025], [20, 1500], [30, 2049]], deadline: 60),
        Case(arrivals: [[0, 0], [29, 0]], deadline: 30),
    ]

    @Test("Only a kibibyte counts as progress", arguments: Self.cases)
    func progress(of example: Case) {
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var watch = ProgressWatch(timeout: .seconds(30), now: start)
        for arrival in example.arrivals { watch.advanced(to: arrival[1], now: start + .seconds(Int64(arrival[0]))) }
        #expect(watch.deadline == start + .seconds(example.deadline))
    }
}
