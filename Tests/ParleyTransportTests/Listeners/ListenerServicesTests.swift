import Logging
import ParleyModel
import Testing

@testable import ParleyTransport

@Suite struct ListenerServicesTests {
    @Test("Every reason for a refusal has its count from the start")
    func zeros() {
        let failures = HandshakeFailures(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        for refusal in Refusal.all { #expect(failures.byReason[refusal.label] == 0) }
        let before = failures.byReason.count
        for status in [400, 404, 418, 426, 503, 599] { failures.count(status: status) }
        failures.count(.badToken)
        #expect(failures.byReason.values.reduce(0, +) == 7)
        #expect(failures.byReason[Refusal.upgradeRequired.label] == 1)
        #expect(failures.byReason.count == before)
    }

    @Test(
        "Keep-alive asks for half of the time and then four times",
        arguments: [(120, 60, 15), (8, 4, 1), (1, 4, 1), (3600, 1800, 450)]
    )
    func keepAlive(seconds: Int, idle: Int, interval: Int) {
        let keepAlive = KeepAlive(seconds: seconds)
        #expect(keepAlive.idleSeconds == idle && keepAlive.intervalSeconds == interval)
        #expect(keepAlive.idleSeconds + 4 * keepAlive.intervalSeconds <= max(8, seconds))
    }
}
