import EngineIO
import Foundation
import ParleyDialects
import ParleyHub
import ParleyJWT
import ParleyModel
import ParleyServer

/// What `serve` is to do: the server's configuration, and what the process does around it.
struct ServePlan: Sendable {
    var server: ServerConfiguration
    /// Seconds without connections and rooms after which the process ends; `nil`: never.
    var processIdleTimeout: Double?
    /// Made for this run, by `--dev`.
    var authority: SessionTokenAuthority?
}

extension ServePlan {
    /// - Parameter isDevelopment: Make a secret if there is none, and open the relay.
    init(_ settings: Settings, isDevelopment: Bool) async throws {
        for setting in Setting.all { try settings.check(setting) }
        var server = ServerConfiguration(wallTime: Clock.wallTime)
        server.backends = try BackendsConfiguration(settings, isDevelopment: isDevelopment)
        try Self.readListeners(settings, into: &server)
        try Self.readLimits(settings, into: &server)
        try Self.readSessionChat(settings, into: &server)
        try Self.readDisposableChat(settings, into: &server)
        try Self.readChannelServer(settings, into: &server)
        try Self.readRelay(settings, isDevelopment: isDevelopment, into: &server)
        try Self.readGateway(settings, into: &server)
        try Self.readSpaces(settings, into: &server)
        self.server = server
        self.processIdleTimeout =
            try settings.toggle(.idleTimeoutEnabled) ? try settings.seconds(.processIdleTimeout) : nil
        if try settings.toggle(.sessionChat) {
            let authority = try await SessionTokenAuthority(
                secret: Self.secret(settings, isDevelopment: isDevelopment),
                wallTime: Clock.wallTime
            )
            self.authority = authority
            self.server.sessionChat.authenticator = authority
        }
    }

    private static func secret(_ settings: Settings, isDevelopment: Bool) throws -> String {
        if let secret = try settings.text(.jwtSecret) { return secret }
        guard isDevelopment else {
            throw ConfigurationFailure(
                description: """
                    JWT_SECRET is not set: session chat needs the secret that signs its tokens. \
                    Set JWT_SECRET, or try things with `parley serve --dev`, or switch session chat off with SESSION_CHAT=off.
                    """
            )
        }
        var random: any RandomNumberGenerator = SystemRandomNumberGenerator()
        return RandomIdentifier.urlSafe(length: 43, using: &random)
    }

    private static func readListeners(_ settings: Settings, into server: inout ServerConfiguration) throws {
        let candidates: [(Setting, ServerConfiguration.Listener.Kind)] = [
            (.port, .frontDoor), (.gatewayPort, .gateway), (.webSocketPort, .gatewaySockets),
            (.channelPort, .channelServer), (.backendsAPIPort, .backendsAPI), (.backendsProxyPort, .backendsProxy),
            (.disposableChatPort, .disposableChat), (.issuerPort, .issuer),
        ]
        // A listener that is not there takes nobody's port.
        let absent: [ServerConfiguration.Listener.Kind] =
            server.backends.catalogue == nil ? [.backendsAPI, .backendsProxy] : []
        server.listeners = []
        for (setting, kind) in candidates {
            guard !absent.contains(kind), let port = try settings.port(setting) else { continue }
            let name = settings.value(of: setting).name
            if port != 0, let other = server.listeners.first(where: { $0.port == port }) {
                throw ConfigurationFailure(
                    description:
                        "\(other.setting) and \(name) are both \(port): each listener needs a port of its own. Change one, or set it to off."
                )
            }
            server.listeners.append(.init(kind, port: port, setting: name))
        }
        if try !settings.toggle(.channelServer) { server.listeners.removeAll { $0.kind == .channelServer } }
        if try !settings.toggle(.gateway) {
            server.listeners.removeAll { $0.kind == .gateway || $0.kind == .gatewaySockets }
        }
        let hasIssuer = try settings.toggle(.sessionChat) && settings.toggle(.issuerEnabled)
        if !hasIssuer { server.listeners.removeAll { $0.kind == .issuer } }
        if try !settings.toggle(.disposableChat) { server.listeners.removeAll { $0.kind == .disposableChat } }
        guard !server.listeners.isEmpty else {
            throw ConfigurationFailure(description: "Every listener is off: set PARLEY_PORT or another port.")
        }
        server.host = try settings.text(.host)
        server.trustedProxies = try Self.trustedProxies(settings)
        server.eventLoops = settings.value(of: .eventLoops).text == nil ? 0 : try settings.count(.eventLoops)
        server.corsOrigin = try settings.text(.corsOrigin)
        switch (try settings.text(.tlsCertificate), try settings.text(.tlsKey)) {
        case (nil, nil): break
        case (let certificate?, let key?): server.tls = .init(certificateFile: certificate, keyFile: key)
        default:
            throw ConfigurationFailure(
                description: "TLS needs both PARLEY_TLS_CERTIFICATE and PARLEY_TLS_KEY; only one of them is set."
            )
        }
    }

    private static func trustedProxies(_ settings: Settings) throws -> TrustedProxies {
        let value = settings.value(of: .trustedProxies)
        do {
            return try TrustedProxies(value.text ?? "")
        } catch {
            throw ConfigurationFailure(
                description:
                    "\(value.name) names '\(error.part)', from the \(value.source): expected addresses and networks, "
                    + "separated by commas, such as 127.0.0.1, 10.0.0.0/8, fd00::/8."
            )
        }
    }

    private static func readLimits(_ settings: Settings, into server: inout ServerConfiguration) throws {
        server.maximumConnections = try settings.count(.maximumConnections)
        server.maximumConnectionsPerAddress = try settings.count(.maximumConnectionsPerAddress)
        server.maximumPollingSessions = try settings.count(.maximumPollingSessions)
        server.maximumPollingSessionsPerAddress = try settings.count(.maximumPollingSessionsPerAddress)
        server.backlogBytes = try settings.count(.backlogBytes)
        let processBytes = try settings.count(.processBacklogBytes)
        server.processBacklogBytes =
            processBytes > 0 ? processBytes : min(1 << 30, Int(ProcessInfo.processInfo.physicalMemory / 4))
        server.headerTimeout = try settings.seconds(.headerTimeout)
        server.frameTimeout = try settings.seconds(.frameTimeout)
        server.shutdownGrace = try settings.seconds(.shutdownGrace)
    }

    private static func readSessionChat(_ settings: Settings, into server: inout ServerConfiguration) throws {
        server.sessionChat.rooms.maximumUsersPerRoom = try settings.count(.maximumUsersPerRoom)
        server.sessionChat.rooms.maximumMessageLength = try settings.count(.maximumMessageLength)
        server.sessionChat.rooms.duplicateUser =
            try JoinRequest.Uniqueness(rawValue: settings.word(.duplicateUser)) ?? .reject
        server.sessionChat.history.limit = try settings.count(.historyLimit)
        server.sessionChat.history.whenFull = try HistoryPolicy.WhenFull(rawValue: settings.word(.historyFull)) ?? .roll
        server.sessionChat.roomIdleTimeout = try settings.seconds(.roomIdleTimeout)
        server.sessionChat.roomsPerProcess = try settings.count(.roomsPerProcess)
        server.sessionChat.isIssuerEnabled = try settings.toggle(.issuerEnabled)
        server.sessionChat.tokenLifetime = try settings.count(.tokenTTL)
        server.sessionChat.serverHosts = try settings.text(.sessionServerHost)
        server.sessionChat.corsOrigin = try settings.text(.sessionChatCORSOrigin)
        server.sessionChat.checksHost = try settings.toggle(.sessionCheckHost)
        server.sessionChat.maximumFrameBytes = try settings.count(.maximumFrameBytes)
    }

    private static func readDisposableChat(_ settings: Settings, into server: inout ServerConfiguration) throws {
        server.disposableChat.isEnabled = try settings.toggle(.disposableChat)
        server.disposableChat.acceptedOrigin = try settings.text(.acceptedOrigin) ?? ""
        server.disposableChat.pingPeriod = try settings.seconds(.pingPeriod)
        server.disposableChat.pongWait = try settings.seconds(.pongWait)
        guard server.disposableChat.pongWait > server.disposableChat.pingPeriod else {
            throw ConfigurationFailure(
                description: "PONG_WAIT (\(server.disposableChat.pongWait.formatted)) must be more than PING_PERIOD "
                    + "(\(server.disposableChat.pingPeriod.formatted)), or every client would be dropped before it could answer."
            )
        }
        server.disposableChat.rooms.maximumTextLength = try settings.count(.maximumTextLength)
        server.disposableChat.maximumMessageBytes = try settings.count(.maximumMessageBytes)
    }

    private static func readChannelServer(_ settings: Settings, into server: inout ServerConfiguration) throws {
        server.channelServer.isEnabled = try settings.toggle(.channelServer)
        server.channelServer.path = try settings.word(.channelPath)
        guard server.channelServer.path.hasPrefix("/") else {
            throw ConfigurationFailure(
                description: "CHANNEL_PATH is '\(server.channelServer.path)': expected a path that begins with /."
            )
        }
        server.channelServer.idleTimeout = try settings.seconds(.channelIdleTimeout)
        server.channelServer.maximumLifetime = try settings.seconds(.channelMaximumLifetime)
        server.channelServer.maximumMessageBytes = try settings.count(.channelMaximumMessageBytes)
        server.channelServer.maximumFrameBytes = try settings.count(.channelMaximumFrameBytes)
        server.channelServer.serverPing = try settings.seconds(.channelServerPing)
        server.channelServer.channels.echo = try settings.toggle(.channelEcho)
        server.channelServer.channels.rateLimit = try settings.count(.channelRateLimit)
        server.channelServer.adminToken = try settings.text(.channelManagementToken)
        switch try settings.word(.channelManagementAuth) {
        case "none":
            server.channelServer.management = .loopback
        case "token":
            guard let token = try settings.text(.channelManagementToken) else {
                throw ConfigurationFailure(description: "CHANNEL_MANAGEMENT_AUTH=token needs CHANNEL_MANAGEMENT_TOKEN.")
            }
            server.channelServer.management = .token(token)
        case "sigv4":
            guard let id = try settings.text(.channelAccessKeyID),
                let secret = try settings.text(.channelSecretAccessKey)
            else {
                throw ConfigurationFailure(
                    description:
                        "CHANNEL_MANAGEMENT_AUTH=sigv4 needs CHANNEL_ACCESS_KEY_ID and CHANNEL_SECRET_ACCESS_KEY."
                )
            }
            server.channelServer.management = .signature(accessKeyID: id, secretAccessKey: secret)
        default:
            server.channelServer.management = .off
        }
    }

    private static func readGateway(_ settings: Settings, into server: inout ServerConfiguration) throws {
        server.gateway.isEnabled = try settings.toggle(.gateway)
        server.gateway.name = try settings.word(.gatewayName)
        server.gateway.version = Parley.version
        server.gateway.webSocketPath = try settings.word(.webSocketPath)
        guard server.gateway.webSocketPath.hasPrefix("/") else {
            throw ConfigurationFailure(
                description: "WEBSOCKET_PATH is '\(server.gateway.webSocketPath)': expected a path that begins with /."
            )
        }
        server.gateway.sessionTTL = try settings.count(.sessionTTL)
        if let origins = try settings.text(.gatewayCORSOrigin) ?? settings.text(.corsOrigin) {
            server.gateway.corsOrigins = origins.split(separator: ",").map {
                $0.trimmingCharacters(in: .whitespaces)
            }.filter { !$0.isEmpty }
        }
        server.gateway.isCORSDisabled = try settings.toggle(.disableCORS)
        server.gateway.adminToken = try settings.text(.gatewayAdminToken)
        server.gateway.rateLimitEvents = try settings.count(.rateLimitEvents)
        server.gateway.packetCap =
            try EngineConfiguration.PacketCap(rawValue: settings.word(.socketIOPacketCap)) ?? .python
        server.gateway.isProduction = try settings.word(.nodeEnvironment) == "production"
        server.gateway.docsUser = try settings.word(.swaggerUser)
        server.gateway.docsPassword = try settings.text(.swaggerPassword)
        server.gateway.swaggerDirectory = try settings.text(.swaggerDirectory)
    }

    private static func readRelay(
        _ settings: Settings,
        isDevelopment: Bool,
        into server: inout ServerConfiguration
    ) throws {
        server.relay.maximumMessageBytes = try settings.count(.relayMaximumMessageBytes)
        server.relay.compresses = try settings.toggle(.relayCompression)
        switch try settings.word(.relay) {
        case "open": server.relay.access = .open
        case "jwt":
            guard try settings.toggle(.sessionChat) else {
                throw ConfigurationFailure(description: "RELAY=jwt needs session tokens, but SESSION_CHAT is off.")
            }
            server.relay.access = .token
        default:
            server.relay.access = isDevelopment && settings.value(of: .relay).source == "default" ? .open : .closed
        }
    }

    private static func readSpaces(_ settings: Settings, into server: inout ServerConfiguration) throws {
        var spaceOf: [DialectName: String] = [:]
        for (space, names) in settings.spaces.sorted(by: { $0.key < $1.key }) {
            for name in names {
                guard let dialect = DialectName(rawValue: name), dialect.sharesRooms else {
                    let known = DialectName.allCases.filter(\.sharesRooms).map(\.rawValue).joined(separator: ", ")
                    throw ConfigurationFailure(
                        description:
                            "\(settings.file ?? ""): spaces.\(space): no dialect with rooms to share: '\(name)'. Expected some of \(known)."
                    )
                }
                if let other = spaceOf[dialect] {
                    throw ConfigurationFailure(
                        description:
                            "\(settings.file ?? ""): spaces: \(name) is in both \(other) and \(space); a dialect has one space."
                    )
                }
                spaceOf[dialect] = space
                server.spaces[space, default: []].append(dialect)
            }
        }
    }
}

enum Clock {
    @Sendable static func wallTime() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
