internal import NIOCore
internal import ParleyModel
internal import Synchronization

/// How many WebSocket connections there may be: in the process, and from one address.
package final class ConnectionLimits: Sendable {
    private let maximum: Int
    private let maximumPerAddress: Int
    private let count = Atomic<Int>(0)
    private let countsByAddress = Mutex<[String: Int]>([:])
    private let trimmer = MemoryTrimmer()

    /// - Parameters: 0 means no limit.
    package init(maximum: Int, maximumPerAddress: Int) {
        self.maximum = maximum
        self.maximumPerAddress = maximumPerAddress
    }

    package var current: Int { self.count.load(ordering: .relaxed) }

    /// Those of whom nobody knows where they are count as if they were in one place.
    private static let unknown = "unknown"

    /// Takes a place for a connection. The permit must be released exactly once.
    /// - Parameter ip: Where it comes from: an address as text.
    func acquire(ip: String?) -> Result<ConnectionPermit, Refusal> {
        let taken = self.count.add(1, ordering: .relaxed).newValue
        guard self.maximum == 0 || taken <= self.maximum else {
            self.count.subtract(1, ordering: .relaxed)
            return .failure(.connectionLimit)
        }
        guard self.maximumPerAddress > 0 else { return .success(ConnectionPermit(limits: self, address: nil)) }
        let ip = ip ?? Self.unknown
        let isAllowed = self.countsByAddress.withLock { counts in
            guard counts[ip, default: 0] < self.maximumPerAddress else { return false }
            counts[ip, default: 0] += 1
            return true
        }
        guard isAllowed else {
            self.count.subtract(1, ordering: .relaxed)
            return .failure(.addressLimit)
        }
        return .success(ConnectionPermit(limits: self, address: ip))
    }

    fileprivate func release(_ address: String?) {
        let remaining = self.count.subtract(1, ordering: .relaxed).newValue
        self.trimmer.connectionClosed(remaining: remaining)
        guard let address else { return }
        self.countsByAddress.withLock { counts in
            counts[address] = (counts[address] ?? 1) > 1 ? counts[address, default: 1] - 1 : nil
        }
    }
}

/// A place among the allowed connections.
struct ConnectionPermit: Sendable {
    fileprivate let limits: ConnectionLimits
    fileprivate let address: String?

    func release() {
        self.limits.release(self.address)
    }
}
