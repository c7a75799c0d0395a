public import ParleyModel

/// Where the event gateway keeps its sessions.
///
/// The time comes in with each call, so that all processes that share a store and all tests agree on it. An expired session
/// is as good as none, whether or not it was purged yet.
///
/// All methods throw ``SessionStoreError``: `unavailable` when the store cannot be asked, which may pass.
public protocol SessionStore: Sendable {
    /// - Throws: ``SessionStoreError`` with `exists` for a token in use, `full` when there is no room for it.
    func create(_ session: GatewaySession) async throws

    /// The session if it exists and is not expired at `now`; notes the activity.
    ///
    /// The answer has `now` as its last activity. A store may write that down less often than it happens, though no more
    /// than a minute late.
    func touch(_ token: String, now: WallTime) async throws -> GatewaySession?

    /// Logs a user in to a session; one that is there already is replaced.
    /// - Returns: Whether there is such a session.
    func link(_ token: String, userID: String, now: WallTime) async throws -> Bool

    /// - Returns: Whether there was such a session.
    @discardableResult func delete(_ token: String) async throws -> Bool

    /// Removes what is expired at `now`.
    /// - Returns: How many sessions that were.
    @discardableResult func purge(now: WallTime) async throws -> Int

    /// Asks the store whether it works, for health checks.
    func check() async throws
}

/// What a session store could not do. Two errors are equal when their codes are.
public struct SessionStoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of error it is. More may be added: a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String {
            case exists, full, unavailable, damaged
        }

        private let wrapped: Wrapped

        /// There is a session of this token already.
        public static let exists = Self(wrapped: .exists)
        /// The store holds as many sessions as it may.
        public static let full = Self(wrapped: .full)
        /// The store cannot be asked now: it may be tried again.
        public static let unavailable = Self(wrapped: .unavailable)
        /// What is stored cannot be read: somebody has to look.
        public static let damaged = Self(wrapped: .damaged)

        public var description: String { self.wrapped.rawValue }
    }

    public var code: Code
    /// A sentence for operators; never has a token in it.
    public var message: String
    /// What the database said, if there is one.
    public var underlyingError: (any Error)?
    /// Where the error was made.
    public var file: String
    public var line: Int

    public init(
        _ code: Code,
        _ message: String,
        underlyingError: (any Error)? = nil,
        file: String = #fileID,
        line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.underlyingError = underlyingError
        self.file = file
        self.line = line
    }

    public var description: String { self.message }

    public static func == (lhs: Self, rhs: Self) -> Bool { lhs.code == rhs.code }
}
