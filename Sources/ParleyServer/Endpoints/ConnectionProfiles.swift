internal import Logging
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import ParleyTransport
internal import WebSocketProtocol

/// The connection profiles of all dialects.
struct ConnectionProfiles {
    let sessionChat: ConnectionProfile
    let disposableChat: ConnectionProfile
    let channelServer: ConnectionProfile
    let relay: ConnectionProfile
    let relayEcho: ConnectionProfile

    init(
        _ configuration: ServerConfiguration,
        formats: inout HubConfiguration.Formats,
        ledger: MemoryLedger,
        logger: Logger
    ) {
        let chat = configuration.sessionChat
        self.sessionChat = ConnectionProfile(
            dialect: .sessionChat,
            formats: .sessionChat(in: &formats),
            limits: WebSocketLimits(maximumMessageBytes: chat.maximumFrameBytes),
            slowConsumer: SlowConsumerPolicy(overflow: .keepLatest, maximumBytes: configuration.backlogBytes),
            clock: .pinging(every: chat.pingInterval, frameTimeout: configuration.frameTimeout),
            shutdown: .serverShuttingDown,
            ledger: ledger,
            logger: logger
        )
        let disposable = configuration.disposableChat
        self.disposableChat = ConnectionProfile(
            dialect: .disposableChat,
            formats: .disposableChat(in: &formats),
            limits: WebSocketLimits(maximumMessageBytes: disposable.maximumMessageBytes),
            slowConsumer: SlowConsumerPolicy(
                maximumBytes: configuration.backlogBytes,
                maximumMessages: disposable.maximumQueuedMessages,
                stallTime: .seconds(2),
                writeTimeout: .seconds(10)
            ),
            clock: ClockPolicy(
                pingInterval: disposable.pingPeriod,
                silenceLimit: disposable.pongWait,
                frameTimeout: configuration.frameTimeout
            ),
            shutdown: .serverShuttingDown,
            sendBufferBytes: 64 * 1024,
            ledger: ledger,
            logger: logger
        )
        let channels = configuration.channelServer
        self.channelServer = ConnectionProfile(
            dialect: .channelServer,
            formats: .channelServer(in: &formats),
            limits: WebSocketLimits(
                maximumFrameBytes: channels.maximumFrameBytes,
                maximumMessageBytes: channels.maximumMessageBytes
            ),
            slowConsumer: SlowConsumerPolicy(maximumBytes: configuration.backlogBytes),
            clock: ClockPolicy(
                pingInterval: channels.serverPing > 0 ? channels.serverPing : nil,
                idleTimeout: channels.idleTimeout > 0 ? channels.idleTimeout : nil,
                maximumLifetime: channels.maximumLifetime > 0 ? channels.maximumLifetime : nil,
                frameTimeout: configuration.frameTimeout
            ),
            shutdown: .serviceRestart,
            ledger: ledger,
            logger: logger
        )
        let relay = configuration.relay
        let relayFormats = WebSocketFormats.relay(compressing: relay.compresses, in: &formats)
        func relayProfile(_ limits: WebSocketLimits) -> ConnectionProfile {
            ConnectionProfile(
                dialect: .relay,
                formats: relayFormats,
                limits: limits,
                slowConsumer: SlowConsumerPolicy(maximumBytes: configuration.backlogBytes),
                clock: .pinging(every: relay.pingInterval, frameTimeout: configuration.frameTimeout),
                shutdown: .serverShuttingDown,
                ledger: ledger,
                logger: logger
            )
        }
        self.relay = relayProfile(WebSocketLimits(maximumMessageBytes: relay.maximumMessageBytes))
        self.relayEcho = relayProfile(
            WebSocketLimits(
                maximumMessageBytes: max(relay.maximumMessageBytes, RelayEndpoint.minimumEchoMessageBytes),
                maximumFragments: 0
            )
        )
    }
}
