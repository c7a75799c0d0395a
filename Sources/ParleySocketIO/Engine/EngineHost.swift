package import EngineIO
internal import Logging
internal import NIOCore
package import ParleyHub
package import ParleyModel
internal import Synchronization

/// The Engine.IO sessions of a server, and the way to them from any event loop.
package final class EngineHost: Sendable {
    package let application: any EngineApplication
    package let site: Site
    package let wallTime: @Sendable () -> WallTime
    let places: PollingPlaces
    /// Where all that waits in the process is counted.
    let ledger: MemoryLedger
    /// Counts a request that is refused for want of a place.
    private let refused: @Sendable (Refusal) -> Void
    /// Counts a CONNECT that is refused.
    private let connectRefused: @Sendable (ConnectRefusal) -> Void
    let bundles: ClientBundles
    /// What its ``EngineCommand``s are addressed to.
    let part: HubPartID
    /// Requests that wait for their sessions, on each shard.
    private let exchanges: [NIOLoopBoundBox<WaitingExchanges>]
    /// Where each session's connection is.
    private let sessions = Mutex<[ExactString: ConnectionID]>([:])

    /// - Parameters:
    ///   - places: Those of the process.
    ///   - ledger: Counts what waits for polls, and bodies that are not complete.
    ///   - refused: Told of requests that were refused for want of one.
    ///   - connectRefused: Told of CONNECTs that are answered by CONNECT_ERROR.
    package init(
        _ application: any EngineApplication,
        site: Site,
        wallTime: @escaping @Sendable () -> WallTime,
        places: PollingPlaces,
        ledger: MemoryLedger,
        refused: @escaping @Sendable (Refusal) -> Void,
        connectRefused: @escaping @Sendable (ConnectRefusal) -> Void
    ) {
        self.application = application
        self.configuration = application.configuration
        self.site = site
        self.wallTime = wallTime
        self.places = places
        self.ledger = ledger
        self.refused = refused
        self.connectRefused = connectRefused
        self.bundles = ClientBundles(directory: application.configuration.clientDirectory)
        self.part = site.hub.reservePart()
        self.exchanges = (0..<site.hub.shardCount).map {
            .makeBoxSendingValue(WaitingExchanges(), eventLoop: site.hub.eventLoop(of: $0))
        }
        application.attach(site)
        site.hub.install(self, as: self.part)
    }

    package let configuration: SocketIOConfiguration

    /// Where a session lives; `nil` when there is none.
    package func location(of sessionID: String) -> ConnectionID? {
        self.sessions.withLock { $0[ExactString(sessionID)] }
    }

    func register(_ sessionID: String, _ connection: ConnectionID) -> Bool {
        self.sessions.withLock { sessions in
            guard sessions[ExactString(sessionID)] == nil else { return false }
            sessions[ExactString(sessionID)] = connection
            return true
        }
    }

    /// Forgets a session, but none that has the same id by somebody's mistake.
    func forget(_ sessionID: String, _ connection: ConnectionID) {
        self.sessions.withLock { sessions in
            if sessions[ExactString(sessionID)] == connection { sessions[ExactString(sessionID)] = nil }
        }
    }

    func waiting(on shard: Shard) -> WaitingExchanges { self.exchanges[shard.index].value }

    /// On the session's loop.
    package func connection(_ id: ConnectionID, on shard: Shard) -> EngineConnection? {
        self.site.connection(id, on: shard)
    }

    package func report(_ refusal: EngineRefusal, _ context: String, _ request: ConnectionRequest) {
        self.application.logger.debug(
            "Request refused",
            metadata: ["code": .stringConvertible(refusal.code), "reason": "\(context)"]
        )
        self.configuration.hooks.connectionError?(
            ConnectionError(code: refusal.code, message: refusal.message, context: context, request: request)
        )
    }

    func report(_ refusal: ConnectRefusal) { self.connectRefused(refusal) }

    func refusal(for shortage: PollingPlaces.Shortage) -> Refusal {
        let refusal: Refusal =
            switch shortage {
            case .process: .pollingLimit
            case .address: .pollingAddressLimit
            }
        self.refused(refusal)
        return refusal
    }

    // MARK: Hooks

    /// What the application says of a request before anything else is looked at.
    package func middlewareRefusal(_ request: ConnectionRequest) async -> EngineRefusal? {
        for middleware in self.configuration.hooks.requestMiddlewares {
            do {
                try await middleware(request)
            } catch {
                return .badRequest
            }
        }
        return nil
    }

    /// What is asked for each new session: origin, policy, revision, id.
    package func openingRefusal(_ request: ConnectionRequest, _ engine: EngineRequest) async -> EngineRefusal? {
        if let refusal = self.originRefusal(engine) { return refusal }
        if let allow = self.configuration.hooks.allowRequest {
            do {
                try await allow(request)
            } catch let refused as RequestRefused {
                return .forbidden(refused.message)
            } catch {
                return .forbidden()
            }
        }
        return engine.revisionRefusal(self.configuration.engine)
    }

    package func originRefusal(_ engine: EngineRequest) -> EngineRefusal? {
        guard let allowed = self.configuration.allowedOrigins, let origin = engine.origin,
            !allowed.contains(where: { $0 == "*" || $0.hasSameBytes(as: origin) })
        else { return nil }
        return .forbidden("Origin not allowed")
    }

    package func makeSessionID(_ request: ConnectionRequest) async throws -> String? {
        try await self.configuration.hooks.makeSessionID?(request)
    }

    /// Whether a new session can be decided on at once.
    package var opensImmediately: Bool {
        self.configuration.hooks.allowRequest == nil && self.configuration.hooks.makeSessionID == nil
    }

    package var hasMiddlewares: Bool { !self.configuration.hooks.requestMiddlewares.isEmpty }
}

/// A CONNECT that is answered by CONNECT_ERROR, for those who count.
package struct ConnectRefusal: Sendable {
    /// Bounded in number, and nothing that the peer has said.
    package let label: String
    package let connection: ConnectionID
    package let request: ConnectionRequest
}
