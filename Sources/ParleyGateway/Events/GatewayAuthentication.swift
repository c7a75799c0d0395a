internal import ParleyHub
internal import ParleyModel

/// Who a client is: the session that its token stands for. Source: event gateway specification, *Authentication*.
struct GatewayAuthentication: Sendable {
    let sessions: SessionDirectory
    let wallTime: @Sendable () -> WallTime

    /// What a client without a usable token is told, over either protocol. Clients know the words "Authentication" and "token",
    /// and stop trying: what may pass must have neither.
    enum Failure: String, Error {
        case required = "Authentication token required"
        case invalid = "Invalid or expired session token"
        case unavailable = "The session store does not answer: try again"
    }

    func session(_ token: String?) async throws(Failure) -> GatewaySession {
        guard let token, !token.isEmpty else { throw .required }
        let session: GatewaySession?
        do {
            session = try await self.sessions.touch(token, now: self.wallTime())
        } catch {
            throw .unavailable
        }
        guard let session else { throw .invalid }
        return session
    }
}
