public import ParleyModel
internal import Synchronization

/// Sessions in the memory of this process: gone when it ends.
public final class MemorySessionStore: SessionStore {
    public static let defaultMaximumSessions = 1_000_000

    private let maximumSessions: Int
    private let sessions = Mutex<[ExactString: GatewaySession]>([:])

    /// - Parameter maximumSessions: Anybody may acquire sessions, so that they must not fill the memory: beyond this many, those
    ///   go that were not used for longest, anonymous ones first.
    public init(maximumSessions: Int = MemorySessionStore.defaultMaximumSessions) {
        self.maximumSessions = maximumSessions
    }

    /// How many there are, expired ones included until the next purge.
    public var count: Int { self.sessions.withLock { $0.count } }

    public func create(_ session: GatewaySession) throws {
        try self.sessions.withLock { sessions in
            guard sessions[ExactString(session.token)] == nil else {
                throw StoreError(.exists, "There is a session of this token already")
            }
            if sessions.count >= self.maximumSessions { Self.evict(from: &sessions) }
            sessions[ExactString(session.token)] = session
        }
    }

    /// Several at a time, so that a full store does not look at all of them for each new one.
    private static func evict(from sessions: inout [ExactString: GatewaySession]) {
        let leastUseful = sessions.values.sorted {
            ($0.isLoggedIn ? 1 : 0, $0.lastActivityAt) < ($1.isLoggedIn ? 1 : 0, $1.lastActivityAt)
        }
        for session in leastUseful.prefix(max(1, sessions.count / 64)) { sessions[ExactString(session.token)] = nil }
    }

    public func find(_ token: String, now: WallTime) -> GatewaySession? {
        self.sessions.withLock { sessions in
            sessions[ExactString(token)].flatMap { $0.isExpired(at: now) ? nil : $0 }
        }
    }

    public func noteActivity(_ times: [String: WallTime]) {
        self.sessions.withLock { sessions in
            for (token, time) in times {
                guard let known = sessions[ExactString(token)]?.lastActivityAt, known < time else { continue }
                sessions[ExactString(token)]?.lastActivityAt = time
            }
        }
    }

    public func link(_ token: String, userID: UserID, now: WallTime) -> Bool {
        self.sessions.withLock { sessions in
            guard var session = sessions[ExactString(token)], !session.isExpired(at: now) else { return false }
            session.userID = userID
            session.isLoggedIn = true
            sessions[ExactString(token)] = session
            return true
        }
    }

    @discardableResult public func delete(_ token: String) -> Bool {
        self.sessions.withLock { $0.removeValue(forKey: ExactString(token)) != nil }
    }

    @discardableResult public func purge(now: WallTime) -> Int {
        self.sessions.withLock { sessions in
            let before = sessions.count
            sessions = sessions.filter { !$0.value.isExpired(at: now) }
            return before - sessions.count
        }
    }

    public func check() {}
}
