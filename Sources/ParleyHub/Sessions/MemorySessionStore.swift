public import ParleyModel
internal import Synchronization

/// Sessions in the memory of this process: gone when it ends.
public final class MemorySessionStore: SessionStore {
    public static let defaultMaximumSessions = 1_000_000

    private let maximumSessions: Int
    private let sessions = Mutex<[String: GatewaySession]>([:])

    /// - Parameter maximumSessions: Anybody may acquire sessions, so that they must not fill the memory.
    public init(maximumSessions: Int = MemorySessionStore.defaultMaximumSessions) {
        self.maximumSessions = maximumSessions
    }

    /// How many there are, expired ones included until the next purge.
    public var count: Int { self.sessions.withLock { $0.count } }

    public func create(_ session: GatewaySession) throws {
        try self.sessions.withLock { sessions in
            guard sessions[session.token] == nil else {
                throw SessionStoreError(.exists, "There is a session of this token already")
            }
            guard sessions.count < self.maximumSessions else {
                throw SessionStoreError(.full, "This process holds \(self.maximumSessions) sessions, as many as it may")
            }
            sessions[session.token] = session
        }
    }

    public func touch(_ token: String, now: WallTime) -> GatewaySession? {
        self.sessions.withLock { sessions in
            guard var session = sessions[token], !session.isExpired(at: now) else { return nil }
            session.lastActivityAt = now
            sessions[token] = session
            return session
        }
    }

    public func link(_ token: String, userID: String, now: WallTime) -> Bool {
        self.sessions.withLock { sessions in
            guard var session = sessions[token], !session.isExpired(at: now) else { return false }
            session.userID = userID
            session.isLoggedIn = true
            sessions[token] = session
            return true
        }
    }

    @discardableResult public func delete(_ token: String) -> Bool {
        self.sessions.withLock { $0.removeValue(forKey: token) != nil }
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
