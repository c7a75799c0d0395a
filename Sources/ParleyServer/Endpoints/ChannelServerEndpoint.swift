internal import NIOCore
internal import ParleyDialects
internal import ParleyModel
internal import ParleyTransport

/// The channel server: no query, no subprotocol, no authentication.
struct ChannelServerEndpoint: WebSocketEndpoint {
    let profile: ConnectionProfile
    var dialect: DialectName? { self.profile.dialect }
    let configuration: ChannelServerConfiguration
    let registry: ChannelRegistry

    func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission {
        let entry = self.registry.makeEntry(
            sourceIP: request.remoteIP ?? "",
            userAgent: request.header("User-Agent") ?? ""
        )
        let dialect = ChannelServerDialect(connectionID: entry.wireID, configuration: self.configuration)
        return .accept(
            Acceptance(
                profile: self.profile,
                dialect: dialect,
                observer: ChannelRegistration(entry: entry, registry: self.registry)
            )
        )
    }
}

/// Lists a connection in the registry for as long as it lives.
struct ChannelRegistration: ConnectionObserver {
    let entry: ChannelRegistry.Entry
    let registry: ChannelRegistry

    func opened(_ connection: ConnectionID) { self.registry.insert(self.entry, connection) }
    func closed(_ connection: ConnectionID) { self.registry.remove(self.entry, connection) }
}
