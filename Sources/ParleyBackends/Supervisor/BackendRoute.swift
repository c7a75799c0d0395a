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

    /// The backend itself: ids may be used again. `nil`: none, for those who try out what a route says.
    let record: BackendRecord?
    let use = RouteUse()

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
        record: BackendRecord? = nil
    ) {
        self.token = token
        self.backend = backend
        self.user = user
        self.userData = userData
        self.secret = secret
        self.subdomain = subdomain
        self.resume = resume
        self.record = record
    }
}

/// What is done with a token.
///
/// Unchecked: guarded by the supervisor's lock, as the records of backends are.
final class RouteUse: @unchecked Sendable {
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

/// Finds the backend of a token. Answers at once or later, never with an error: who cannot be asked has no routes.
public protocol BackendRouting: Sendable {
    /// Opens a request: the backend is busy, and the token stays valid, until ``closed(_:)``, which must follow
    /// ``RouteAnswer/ready(_:_:)`` and ``RouteAnswer/pending(_:)``.
    func open(_ token: String) -> RouteAnswer
    func closed(_ route: BackendRoute)
    /// Calls `ready` once, from any thread: with the address when the backend is ready, with `nil` when it will not be.
    /// - Returns: A number for ``stopWaiting(_:for:)``.
    func whenReady(_ route: BackendRoute, _ ready: @escaping @Sendable (SocketAddress?) -> Void) -> Int
    func stopWaiting(_ number: Int, for route: BackendRoute)
    /// Calls `end`, from any thread, when a connection with the token must be closed: it was revoked, or the backend is gone.
    /// - Returns: A number for ``unregister(_:of:)``.
    func register(_ route: BackendRoute, end: @escaping @Sendable () -> Void) -> Int
    func unregister(_ number: Int, of route: BackendRoute)
}
