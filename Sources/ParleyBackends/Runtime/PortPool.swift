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
        // A `sockaddr_in` by its bytes: family, port in network order, all interfaces.
        var address = [UInt8](repeating: 0, count: 16)
        #if os(Linux)
        address[0] = UInt8(AF_INET)
        #else
        address[0] = 16
        address[1] = UInt8(AF_INET)
        #endif
        address[2] = UInt8(truncatingIfNeeded: port >> 8)
        address[3] = UInt8(truncatingIfNeeded: port)
        var length = socklen_t(address.count)
        let isBound = address.withUnsafeMutableBytes { bytes in
            guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return false }
            return bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
        }
        return isBound ? Int(address[2]) << 8 | Int(address[3]) : nil
    }
}
