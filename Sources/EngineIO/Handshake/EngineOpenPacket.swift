public import NIOCore

/// The JSON of the open packet: exactly these five keys, all numbers integers.
public struct EngineOpenPacket: Sendable {
    let sessionID: String
    let upgrades: Bool
    let configuration: EngineConfiguration

    /// - Parameters:
    ///   - sessionID: `A-Za-z0-9_-` only.
    ///   - transport: What the session begins with; only a polling session has something to upgrade to.
    public init(sessionID: String, transport: EngineConfiguration.Transport, configuration: EngineConfiguration) {
        self.sessionID = sessionID
        self.upgrades =
            transport == .polling && configuration.allowsUpgrades && configuration.transports.contains(.webSocket)
        self.configuration = configuration
    }

    public var json: ByteBuffer {
        var json = ByteBufferAllocator().buffer(capacity: 128)
        json.writeStaticString("{\"sid\":\"")
        json.writeString(self.sessionID)
        json.writeString(self.upgrades ? "\",\"upgrades\":[\"websocket\"]" : "\",\"upgrades\":[]")
        json.writeString(",\"pingInterval\":\(self.configuration.pingInterval.nanoseconds / 1_000_000)")
        json.writeString(",\"pingTimeout\":\(self.configuration.pingTimeout.nanoseconds / 1_000_000)")
        json.writeString(",\"maxPayload\":\(self.configuration.maximumPayloadBytes)}")
        return json
    }
}
