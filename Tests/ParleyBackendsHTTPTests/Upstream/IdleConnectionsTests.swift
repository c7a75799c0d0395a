import NIOCore
import Testing

@testable import ParleyBackendsHTTP

private final class Connection {}

private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

@Suite struct IdleConnectionsTests {
    private static func name(_ taken: IdleConnections<String, Connection>.Taken?, _ all: [Connection]) -> String {
        switch taken {
        case .good(let connection): "good \(all.firstIndex { $0 === connection } ?? -1)"
        case .stale(let connection): "stale \(all.firstIndex { $0 === connection } ?? -1)"
        case nil: "none"
        }
    }

    @Test("The last to come is the first to go, and whoever has waited for too long is told apart")
    func order() {
        var idle = IdleConnections<String, Connection>()
        let all = [Connection(), Connection(), Connection()]
        for (second, connection) in all.enumerated() {
            _ = idle.add(connection, to: "a", at: start + .seconds(Int64(second)))
        }
        #expect(Self.name(idle.take(to: "b", at: start), all) == "none")
        #expect(Self.name(idle.take(to: "a", at: start + .seconds(4)), all) == "good 2")
        #expect(Self.name(idle.take(to: "a", at: start + .seconds(5)), all) == "stale 1")
        #expect(Self.name(idle.take(to: "a", at: start + .seconds(5)), all) == "stale 0")
        #expect(Self.name(idle.take(to: "a", at: start + .seconds(5)), all) == "none")
        #expect(idle.isEmpty)
    }

    @Test("A backend has so many and no more")
    func bound() {
        var idle = IdleConnections<String, Connection>()
        let maximum = IdleConnections<String, Connection>.maximumPerAddress
        let kept = (0...maximum).map { _ in idle.add(Connection(), to: "a", at: start) }
        #expect(kept == Array(repeating: true, count: maximum) + [false])
        let isKept = idle.add(Connection(), to: "b", at: start)
        #expect(isKept)
    }

    @Test("Those that are closed, or have waited for too long, are taken out, wherever they lead")
    func removal() {
        var idle = IdleConnections<String, Connection>()
        let all = (0..<4).map { _ in Connection() }
        for (number, address) in ["a", "a", "b", "b"].enumerated() {
            _ = idle.add(all[number], to: address, at: start + .seconds(Int64(number)))
        }
        idle.remove(all[3], to: "b")
        idle.remove(all[3], to: "c")
        #expect(idle.removeStale(at: start + .seconds(4)).map { $0 === all[0] } == [true])
        #expect(idle.removeStale(at: start + .seconds(4)).isEmpty)
        #expect(idle.removeStale(at: start + .seconds(60)).count == 2)
        #expect(idle.isEmpty)
    }
}
