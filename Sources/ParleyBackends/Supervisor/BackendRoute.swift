public import NIOCore

/// What a token opens: the backend, and who its holder is there.
public final class BackendRoute: Sendable {
    public let token: String
    public let backend: BackendID
    public let user: String?
    /// A compact JSON object in ASCII; `nil` for static tokens.
    public let userData: String?
    /// `nil` for static tokens.
    public let secret: String?
    public let subdomain: String?
    /// How WebSockets outlive the backend; `nil`: they do not.
    public let resume: ResumePolicy?

    /// That of the backend's record: ids may be used again. 0: none, for those who try out what a route says.
    let number: Int

    /// Whether all clients share the token, and paths keep it.
    public var isStatic: Bool { self.userData == nil }

    init(
        token: String,
        backend: BackendID,
        user: String?,
        userData: String?,
        secret: String?,
        subdomain: String?,
        resume: ResumePolicy? = nil,
        number: Int = 0
    ) {
        self.token = token
        self.backend = backend
        self.user = user
        self.userData = userData
        self.secret = secret
        self.subdomain = subdomain
        self.resume = resume
        self.number = number
    }

    /// Bytes that a token costs whose holder is somebody.
    var claimBytes: Int { (self.user?.utf8.count ?? 0) + (self.userData?.utf8.count ?? 0) }
}

/// Where a request with a token may go.
public enum RouteAnswer: Sendable {
    case ready(BackendRoute, SocketAddress)
    /// The backend has not answered yet: ask to be told, and hold the request.
    case pending(BackendRoute)
    /// Unknown, expired, revoked, or the backend is at its end.
    case gone
    /// As many requests are held for the backend as may be.
    case full
}

/// A token that was given out, and what is done with it.
struct IssuedToken: Sendable {
    let route: BackendRoute
    /// Counts while nothing is open; `nil`: as long as the backend.
    var expiry: NIODeadline?
    var openRequests = 0
    /// Connections to be closed with it, by number.
    var connections: [Int: @Sendable () -> Void] = [:]

    func isValid(at now: NIODeadline) -> Bool {
        guard let expiry = self.expiry, self.openRequests == 0 else { return true }
        return now < expiry
    }
}

/// Random words for a token that may be given out, made before it is decided whether it is.
struct TokenSecrets: Sendable {
    let token: String
    let secret: String
}
