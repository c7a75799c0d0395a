public import ParleyModel
internal import Synchronization

/// What a session token says about its bearer.
public struct SessionClaims: Sendable, Equatable {
    public var userID: UserID
    /// The room it admits to; `nil` in a login token.
    public var roomID: TopicName?
    /// The `host:port` it was issued for; `nil`: any.
    public var host: String?
    /// When it ends; `nil`: never.
    public var expiresAt: WallTime?

    public init(userID: UserID, roomID: TopicName? = nil, host: String? = nil, expiresAt: WallTime? = nil) {
        self.userID = userID
        self.roomID = roomID
        self.host = host
        self.expiresAt = expiresAt
    }

    /// Whether user and room are strings that a room can be kept under: not empty, at most 256 UTF-16 units.
    public var isWellFormed: Bool {
        Self.isIdentifier(self.userID.value) && (self.roomID.map { Self.isIdentifier($0.value) } ?? true)
    }

    /// Whether it may be used at `host`, a request's Host header: always, unless it was issued for one host.
    public func isFor(host: String?) -> Bool {
        self.host.map { $0.hasSameBytesInAnyCase(as: host ?? "") } ?? true
    }

    public static func isIdentifier(_ text: String) -> Bool {
        (1...256).contains(text.utf16.count)
    }
}

/// Issues session tokens and verifies them.
public protocol Authenticator: Sendable {
    /// - Throws: Anything, when the token is not one of ours, or not valid at this moment. The error is not shown to the bearer.
    func verify(_ token: String) async throws -> SessionClaims
    func issue(_ claims: SessionClaims) async throws -> String
}

/// Tokens that are just numbers in a table: for tests, and for trying things without a secret.
public final class MemoryAuthenticator: Authenticator {
    public struct UnknownToken: Error {}

    private let tokens = Mutex<[ExactString: SessionClaims]>([:])

    public init() {}

    public func verify(_ token: String) throws -> SessionClaims {
        guard let claims = self.tokens.withLock({ $0[ExactString(token)] }) else { throw UnknownToken() }
        return claims
    }

    public func issue(_ claims: SessionClaims) -> String {
        self.tokens.withLock { tokens in
            let token = "token-\(tokens.count + 1)"
            tokens[ExactString(token)] = claims
            return token
        }
    }
}
