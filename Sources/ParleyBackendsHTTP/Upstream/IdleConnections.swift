internal import NIOCore

/// Connections that wait for their next request, by where they lead: the last to come is the first to go, so that as few as
/// possible are kept warm.
struct IdleConnections<Address: Hashable, Connection: AnyObject> {
    enum Taken {
        case good(Connection)
        /// The backend may be about to close it.
        case stale(Connection)
    }

    /// Below the five seconds after which Node closes a connection that nobody uses.
    static var idleTime: TimeAmount { .seconds(4) }
    static var maximumPerAddress: Int { 64 }

    private struct Idle {
        let connection: Connection
        let since: NIODeadline
    }

    private var idle: [Address: [Idle]] = [:]

    var isEmpty: Bool { self.idle.isEmpty }

    /// - Returns: Whether it is kept.
    mutating func add(_ connection: Connection, to address: Address, at now: NIODeadline) -> Bool {
        Self.add(Idle(connection: connection, since: now), to: &self.idle[address, default: []])
    }

    private static func add(_ connection: Idle, to waiting: inout [Idle]) -> Bool {
        guard waiting.count < Self.maximumPerAddress else { return false }
        waiting.append(connection)
        return true
    }

    /// - Returns: `nil`: there is none.
    mutating func take(to address: Address, at now: NIODeadline) -> Taken? {
        guard let index = self.idle.index(forKey: address), let last = self.idle.values[index].popLast() else {
            return nil
        }
        if self.idle.values[index].isEmpty { self.idle.remove(at: index) }
        return last.since + Self.idleTime > now ? .good(last.connection) : .stale(last.connection)
    }

    mutating func remove(_ connection: Connection, to address: Address) {
        self.idle[address]?.removeAll { $0.connection === connection }
        if self.idle[address]?.isEmpty == true { self.idle[address] = nil }
    }

    /// - Returns: Those that have waited for too long, which are no longer here.
    mutating func removeStale(at now: NIODeadline) -> [Connection] {
        var stale: [Connection] = []
        for (address, waiting) in self.idle {
            // Each list is in the order of time.
            let count = waiting.prefix { $0.since + Self.idleTime <= now }.count
            guard count > 0 else { continue }
            stale += waiting.prefix(count).map(\.connection)
            self.idle[address] = count < waiting.count ? Array(waiting.dropFirst(count)) : nil
        }
        return stale
    }
}
