internal import NIOCore
internal import NIOSSL
internal import RESP

/// Makes the connections of a client, all with the same settings.
final class RedisLinkFactory {
    let endpoint: RedisEndpoint
    let configuration: RedisConfiguration
    let tls: NIOSSLContext?
    let eventLoop: any EventLoop
    private var seed: UInt64

    init(
        _ endpoint: RedisEndpoint,
        _ configuration: RedisConfiguration,
        tls: NIOSSLContext?,
        eventLoop: any EventLoop,
        seed: UInt64
    ) {
        self.endpoint = endpoint
        self.configuration = configuration
        self.tls = tls
        self.eventLoop = eventLoop
        self.seed = seed
    }

    /// - Parameters:
    ///   - leavesClusters: Whether a node of a cluster is left for the way of clusters.
    ///   - isClustered: Whether replicas will do, as they know who is responsible.
    func makeLink(
        to place: RedisLink.Place,
        isForSubscriptions: Bool,
        leavesClusters: Bool = false,
        isClustered: Bool = false
    ) -> RedisLink {
        var settings = RedisLink.Machine.Settings()
        settings.connection.plan.protocolVersion = self.configuration.protocolVersion
        settings.connection.plan.credentials = self.endpoint.credentials
        settings.connection.plan.clientName = self.configuration.clientName
        settings.connection.plan.database = self.endpoint.database
        settings.connection.plan.needsPrimary = !isClustered
        settings.connection.connectTimeout = self.configuration.connectTimeout
        settings.connection.commandTimeout = self.configuration.commandTimeout
        settings.connection.pingInterval = self.configuration.pingInterval
        settings.connection.isForSubscriptions = isForSubscriptions
        settings.backoff = self.configuration.backoff
        settings.holdTime = self.configuration.holdTime
        settings.maximumWaitingCommands = self.configuration.maximumWaitingCommands
        settings.maximumWaitingBytes = self.configuration.maximumWaitingBytes
        settings.leavesClusters = leavesClusters
        settings.name =
            switch place {
            case .address(let address): "\(address)"
            case .sentinel: "the primary of \(self.endpoint)"
            }
        return RedisLink(
            to: place,
            settings,
            tls: self.tls,
            eventLoop: self.eventLoop,
            seed: self.nextSeed()
        )
    }

    func makeSubscriber(to place: RedisLink.Place, isClustered: Bool = false) -> RedisSubscriber {
        let link = self.makeLink(to: place, isForSubscriptions: true, isClustered: isClustered)
        return RedisSubscriber(link, isClustered: isClustered, eventLoop: self.eventLoop)
    }

    func nextSeed() -> UInt64 {
        self.seed &+= 0x9e37_79b9
        return self.seed
    }
}

@available(*, unavailable)
extension RedisLinkFactory: Sendable {}
