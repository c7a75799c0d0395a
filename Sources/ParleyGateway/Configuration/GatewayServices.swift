package import Logging
package import NIOCore
internal import ParleyDialects
package import ParleyHub
internal import ParleyModel

/// What the parts of the event gateway share.
package struct GatewayServices: Sendable {
    package let configuration: GatewayConfiguration
    package let sessions: SessionDirectory
    let chat: any ChatProvider
    let live: any GatewayLiveConnections
    let wallTime: @Sendable () -> WallTime

    /// Removes expired sessions from the store, now and every hour, as long as the event loop runs.
    package func purgeHourly(on eventLoop: any EventLoop, logger: Logger) {
        eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .hours(1)) { _ in
            Task {
                do {
                    let count = try await self.sessions.purge(now: self.wallTime())
                    if count > 0 { logger.info("Expired sessions removed", metadata: ["count": "\(count)"]) }
                } catch {
                    // Whoever watches the store has said it, once.
                    logger.debug("Expired sessions could not be removed", metadata: ["error": "\(ErrorText.of(error))"])
                }
            }
        }
    }

    /// Makes an anonymous session.
    /// - Throws: What the session store does.
    package func acquireSession(metadata: [String: String]) async throws -> GatewaySession {
        let now = self.wallTime()
        var random = SystemRandomNumberGenerator()
        let session = GatewaySession(
            token: GatewayToken.make(using: &random),
            metadata: metadata,
            createdAt: now,
            expiresAt: WallTime(milliseconds: now.milliseconds + Int64(self.configuration.sessionTTL) * 1000)
        )
        try await self.sessions.create(session)
        return session
    }
}

/// The gateway's connections, as its REST API needs them.
protocol GatewayLiveConnections: Sendable {
    /// Ends every connection of a session.
    func end(session token: String) async
    /// - Parameter data: One JSON value.
    /// - Returns: To how many connections, of either protocol.
    func emit(event: String, data: ByteBuffer, session: String?, user: String?) async -> Int
    var activeConnections: Int { get }
}
