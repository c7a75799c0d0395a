public import ParleyModel

/// A session of the event gateway: what a token stands for. Anonymous until a user is linked to it.
public struct GatewaySession: Sendable, Equatable {
    /// 43 characters of base64url; whoever has it is the session.
    public let token: String
    public var userID: UserID?
    public var isLoggedIn: Bool
    /// What was known of the client when it acquired the session: `userAgent`, `ip`, `platform`.
    public var metadata: [String: String]
    public let createdAt: WallTime
    public var expiresAt: WallTime
    public var lastActivityAt: WallTime

    /// - Parameter lastActivityAt: `nil`: when it was created.
    public init(
        token: String,
        userID: UserID? = nil,
        isLoggedIn: Bool = false,
        metadata: [String: String] = [:],
        createdAt: WallTime,
        expiresAt: WallTime,
        lastActivityAt: WallTime? = nil
    ) {
        self.token = token
        self.userID = userID
        self.isLoggedIn = isLoggedIn
        self.metadata = metadata
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.lastActivityAt = lastActivityAt ?? createdAt
    }

    /// Whether it has ended: from the very millisecond of ``expiresAt`` on.
    public func isExpired(at now: WallTime) -> Bool { self.expiresAt <= now }
}
