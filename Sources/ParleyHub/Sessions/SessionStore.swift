public import ParleyModel

/// Where the event gateway keeps its sessions.
///
/// The time comes in with each call, so that all processes that share a store and all tests agree on it. An expired session
/// is as good as none, whether or not it was purged yet.
///
/// All methods throw ``StoreError``: `unavailable` when the store cannot be asked, which may pass.
public protocol SessionStore: Sendable {
    /// - Throws: ``StoreError`` with `exists` for a token in use, `full` when there is no room for it.
    func create(_ session: GatewaySession) async throws

    /// The session if it exists and is not expired at `now`.
    ///
    /// Reads, and nothing else: it must work while nothing can be written, as on a disk that is full.
    func find(_ token: String, now: WallTime) async throws -> GatewaySession?

    /// Notes when sessions were last used; one that is not there, or was used later, stays as it is.
    ///
    /// Comes seconds behind the use, for many sessions at a time (``SessionDirectory``).
    func noteActivity(_ times: [String: WallTime]) async throws

    /// Logs a user in to a session; one that is there already is replaced.
    /// - Returns: Whether there is such a session.
    func link(_ token: String, userID: UserID, now: WallTime) async throws -> Bool

    /// - Returns: Whether there was such a session.
    @discardableResult func delete(_ token: String) async throws -> Bool

    /// Removes what is expired at `now`.
    /// - Returns: How many sessions that were.
    @discardableResult func purge(now: WallTime) async throws -> Int

    /// Finds out whether the store works, for health checks: by a real write, as reading may go on where writing does not.
    func check() async throws
}
