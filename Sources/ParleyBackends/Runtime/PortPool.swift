internal import Foundation
internal import NIOCore
internal import Synchronization

/// Ports for processes: free when given out, and not given out again for a while after.
///
/// A process binds its port later than it is chosen, so nothing but this table keeps two from getting the same.
final class PortPool: Sendable {
    private struct State {
        var taken: Set<Int> = []
        var cooling: [Int: NIODeadline] = [:]
    }

    private static let attempts = 200

    private let range: ClosedRange<Int>?
    private let cooldown: TimeAmount
    private let state = Mutex(State())

    /// - Parameter range: `nil`: those that the system gives to whoever does not care.
    init(range: ClosedRange<Int>?, cooldown: TimeAmount = .seconds(60)) {
        self.range = range
        self.cooldown = cooldown
    }

    func take(now: NIODeadline) throws(LaunchFailure) -> Int {
        for _ in 0..<Self.attempts {
            let wanted = self.range.map { Int.random(in: $0) } ?? 0
            guard let port = Self.probe(wanted) else { continue }
            let isOurs = self.state.withLock { state in
                state.cooling = state.cooling.filter { $0.value > now }
                return state.cooling[port] == nil && state.taken.insert(port).inserted
            }
            if isOurs { return port }
        }
        throw LaunchFailure("No port is free for it; BACKENDS_PORT_RANGE says where ports are looked for")
    }

    func giveBack(_ port: Int, now: NIODeadline) {
        self.state.withLock { state in
            state.taken.remove(port)
            state.cooling[port] = now + self.cooldown
        }
    }

    /// - Parameter port: 0: any.
    /// - Returns: The port, when nobody listens there on loopback or on all interfaces.
    private static func probe(_ port: Int) -> Int? {
        #if os(Linux)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        #else
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        return isBound ? Int(in_port_t(bigEndian: address.sin_port)) : nil
    }
}
