import EngineIO
import Foundation
internal import ParleyBackendsHTTP
import ParleyDialects
internal import ParleyGateway
import ParleyHub
import ParleyJWT
import ParleyModel
import ParleyServer
import ParleyText
internal import ParleyTransport

/// What `serve` is to do: the server's configuration, and what the process does around it.
struct ServePlan: Sendable {
    var server: ServerConfiguration
    /// Seconds without connections and rooms after which the process ends; `nil`: never.
    var processIdleTimeout: Double?
    /// Made for this run, by `--dev`.
    var authority: SessionTokenAuthority?
    /// What was left aside although it was set, in sentences for the log.
    var notes: [String]
    /// What may be meant, and is said once at start.
    var warnings: [String]
}

extension ServePlan {
    /// - Parameter isDevelopment: Make a secret if there is none, and open the relay.
    /// - Throws: ``ConfigurationFailure`` with everything that is wrong.
    init(_ settings: Settings, isDevelopment: Bool) async throws {
        var mistakes = Mistakes(settings.mistakes)
        let unusable = Setting.all.filter { setting in !mistakes.collect { try settings.check(setting) } }
        // What else is wrong shows with defaults in the place of what cannot be used.
        let settings = settings.replacing(unusable)
        var server = ServerConfiguration(wallTime: Clock.wallTime)
        var notes = settings.notes
        mistakes.collect { server.backends = try BackendsConfiguration(settings, isDevelopment: isDevelopment) }
        mistakes.collect { try Self.readListeners(settings, unusable, into: &server, &notes) }
        mistakes.collect { server.trustedProxies = try Self.trustedProxies(settings) }
        mistakes.collect { try Self.readTLS(settings, into: &server) }
        mistakes.collect { try Self.readLimits(settings, into: &server) }
        mistakes.collect { try Self.readSessionChat(settings, into: &server) }
        mistakes.collect { try Self.readDisposableChat(settings, into: &server) }
        mistakes.collect { try Self.readChannelServer(settings, into: &server) }
        mistakes.collect { try Self.readManagement(settings, into: &server) }
        mistakes.collect { try Self.readRelay(settings, into: &server) }
        mistakes.collect { try Self.readGateway(settings, into: &server) }
        mistakes.collect { try Self.readSpaces(settings, into: &server) }
        mistakes.collect { try GatewayBackends.check(settings) }
        if isDevelopment {
            server.admitsLocalOrigins = true
            server.gateway.admitsLocalOrigins = true
            server.gateway.opensDocumentation = true
        }
        self.server = server
        self.notes = notes
        self.warnings = try Self.exposureWarnings(settings, server, isDevelopment: isDevelopment)
        self.processIdleTimeout =
            try settings.toggle(.idleTimeoutEnabled) ? try settings.seconds(.processIdleTimeout) : nil
        var secret: String?
        if try settings.toggle(.sessionChat) {
            let isHidden = settings.value(of: .jwtSecret).text == nil && settings.mayBeHidden(.jwtSecret)
            if !isHidden { mistakes.collect { secret = try Self.secret(settings, isDevelopment: isDevelopment) } }
        }
        if let secret, mistakes.isEmpty {
            if !isDevelopment, secret.utf8.count < Self.usualSecretBytes {
                self.warnings.append(
                    "JWT_SECRET has \(secret.utf8.count) bytes: take \(Self.usualSecretBytes) random ones or more, such as of `openssl rand -hex 32`, as whoever guesses it signs tokens for anybody"
                )
            }
            let authority = await SessionTokenAuthority(secret: secret, wallTime: Clock.wallTime)
            self.authority = authority
            self.server.sessionChat.authenticator = authority
        }
        try mistakes.throwIfAny()
    }

    private static func exposureWarnings(
        _ settings: Settings,
        _ server: ServerConfiguration,
        isDevelopment: Bool
    ) throws -> [String] {
        var warnings: [String] = []
        if isDevelopment, let host = try settings.address(.host), !["localhost", "127.0.0.1", "::1"].contains(host) {
            var open: [String] = []
            if server.sessionChat.isIssuerEnabled, try settings.toggle(.sessionChat) { open.append("logins") }
            open.append("rooms")
            if case .open = server.relay.access { open.append("the relay") }
            let list =
                open.count == 1 ? open[0] : open.dropLast().joined(separator: ", ") + " and " + open[open.count - 1]
            warnings.append(
                "--dev opens \(list) to everybody who reaches HOST=\(host); without HOST only this machine does"
            )
        }
        if server.gateway.isEnabled, !server.gateway.isCORSDisabled, server.gateway.corsOrigins.contains("*") {
            let name = settings.value(of: .gatewayCORSOrigin).text == nil ? "CORS_ORIGIN" : "GATEWAY_CORS_ORIGIN"
            warnings.append(
                "\(name)=* lets pages of any origin use the event gateway's HTTP, without cookies: name the origins of pages that bring them"
            )
        }
        return warnings
    }

    /// What is refused below, and what is warned of below: HS256 wants 32 (RFC 7518 §3.2).
    static let minimumSecretBytes = 16
    static let usualSecretBytes = 32

    private static func secret(_ settings: Settings, isDevelopment: Bool) throws -> String {
        if let secret = try settings.text(.jwtSecret) {
            guard isDevelopment || secret.utf8.count >= Self.minimumSecretBytes else {
                let value = settings.value(of: .jwtSecret)
                let length = secret.utf8.count == 1 ? "1 byte" : "\(secret.utf8.count) bytes"
                throw ConfigurationFailure(
                    description: """
                        \(value.name), from \(value.place), has \(length): expected \(Self.minimumSecretBytes) or more, \
                        better \(Self.usualSecretBytes) random ones, such as of `openssl rand -hex 32`. Whoever guesses it signs \
                        tokens for anybody. `parley serve --dev` takes any.
                        """
                )
            }
            return secret
        }
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

    /// - Parameter unusable: Settings whose values are no ports: nothing else is to be said about them.
    private static func readListeners(
        _ settings: Settings,
        _ unusable: [Setting],
        into server: inout ServerConfiguration,
        _ notes: inout [String]
    ) throws {
        let hasGateway = try settings.toggle(.gateway)
        let hasBackends = server.backends.catalogue != nil
        let hasIssuer = try settings.toggle(.sessionChat) && settings.toggle(.issuerEnabled)
        // A listener that is not there takes nobody's port.
        let candidates: [(Setting, ServerConfiguration.Listener.Kind, isThere: Bool)] = [
            (.port, .frontDoor, true),
            (.gatewayPort, .gateway, hasGateway),
            (.webSocketPort, .gatewaySockets, hasGateway),
            (.channelPort, .channelServer, try settings.toggle(.channelServer)),
            (.backendsAPIPort, .backendsAPI, hasBackends),
            (.backendsProxyPort, .backendsProxy, hasBackends),
            (.disposableChatPort, .disposableChat, try settings.toggle(.disposableChat)),
            (.issuerPort, .issuer, hasIssuer),
        ]
        let isFrontDoorPlaced = !settings.value(of: .port).isDefault
        var conflicts: [String] = []
        server.listeners = []
        for (setting, kind, isThere) in candidates {
            guard isThere, !unusable.contains(where: { $0.name == setting.name }), let port = try settings.port(setting)
            else { continue }
            let value = settings.value(of: setting)
            guard port != 0, let other = server.listeners.first(where: { $0.port == port }) else {
                server.listeners.append(.init(kind, port: port, setting: value.name))
                continue
            }
            if value.isDefault, other.kind == .frontDoor, isFrontDoorPlaced {
                notes.append(
                    "\(value.name) has only its default, \(port), which \(other.setting) gives to the front door: "
                        + "the \(kind.rawValue) has no port of its own."
                )
            } else {
                conflicts.append(
                    "\(other.setting) and \(value.name) are both \(port): each listener needs a port of its own. "
                        + "Change one, or set it to off."
                )
            }
        }
        if server.listeners.isEmpty, conflicts.isEmpty, unusable.isEmpty {
            conflicts.append("Every listener is off: set PARLEY_PORT or another port.")
        }
        server.host = try settings.address(.host)
        let host = settings.value(of: .host)
        server.bindsBothLoopbacks = host.source == Settings.development || host.text?.asciiLowercased == "localhost"
        server.eventLoops = settings.value(of: .eventLoops).text == nil ? 0 : try settings.count(.eventLoops)
        server.corsOrigin = try settings.origins(.corsOrigin)
        if !conflicts.isEmpty { throw ConfigurationFailure(mistakes: conflicts) }
    }

    private static func readTLS(_ settings: Settings, into server: inout ServerConfiguration) throws {
        switch (try settings.text(.tlsCertificate), try settings.text(.tlsKey)) {
        case (nil, nil): break
        case (let certificate?, let key?):
            let tls = TLSFiles(certificateFile: certificate, keyFile: key)
            server.tls = tls
            do throws(StartFailure) {
                try tls.validate()
            } catch {
                throw ConfigurationFailure(description: error.description)
            }
        default:
            let values = [settings.value(of: .tlsCertificate), settings.value(of: .tlsKey)]
            let (given, missing) = values[0].text == nil ? (values[1], values[0]) : (values[0], values[1])
            throw ConfigurationFailure(
                description: "\(given.name), from \(given.place), is set and \(missing.name) is not: TLS needs both."
            )
        }
    }

    private static func trustedProxies(_ settings: Settings) throws -> TrustedProxies {
        let value = settings.value(of: .trustedProxies)
        let parts = (value.text ?? "").split(separator: ",").map(String.init)
        let wrong = parts.compactMap { part throws(Never) -> String? in
            do throws(TrustedProxies.ParseFailure) {
                _ = try TrustedProxies(part)
                return nil
            } catch {
                return "'\(LogText.escaped(error.part, isQuoted: false))'"
            }
        }
        do throws(TrustedProxies.ParseFailure) {
            return try TrustedProxies(value.text ?? "")
        } catch {
            throw ConfigurationFailure(
                description:
                    "\(value.name) names \(wrong.joined(separator: ", ")), from \(value.place): expected addresses and "
                    + "networks, separated by commas, such as 127.0.0.1, 10.0.0.0/8, fd00::/8."
            )
        }
    }

    private static func readLimits(_ settings: Settings, into server: inout ServerConfiguration) throws {
        server.maximumConnections = try settings.count(.maximumConnections)
        server.maximumConnectionsPerAddress = try settings.count(.maximumConnectionsPerAddress)
        server.maximumPollingSessions = try settings.count(.maximumPollingSessions)
        server.maximumPollingSessionsPerAddress = try settings.count(.maximumPollingSessionsPerAddress)
        server.backlogBytes = try settings.count(.backlogBytes)
        server.historyBytes = try settings.count(.historyBytes)
        let processBytes = try settings.count(.processBacklogBytes)
        server.processBacklogBytes =
            processBytes > 0 ? processBytes : min(1 << 30, Int(ProcessInfo.processInfo.physicalMemory / 4))
        let keepAlive = try settings.seconds(.keepAlive)
        server.keepAlive = keepAlive == 0 ? nil : KeepAlive(seconds: Int(keepAlive.rounded(.up)))
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
        server.sessionChat.serverHosts = try settings.authority(.sessionServerHost)
        server.sessionChat.corsOrigin = try settings.origins(.sessionChatCORSOrigin)
        server.sessionChat.checksHost = try settings.toggle(.sessionCheckHost)
        server.sessionChat.maximumFrameBytes = try settings.count(.maximumFrameBytes)
    }

    private static func readDisposableChat(_ settings: Settings, into server: inout ServerConfiguration) throws {
        server.disposableChat.isEnabled = try settings.toggle(.disposableChat)
        server.disposableChat.acceptedOrigin = try settings.origins(.acceptedOrigin) ?? ""
        server.disposableChat.pingPeriod = try settings.seconds(.pingPeriod)
        server.disposableChat.pongWait = try settings.seconds(.pongWait)
        guard server.disposableChat.pongWait > server.disposableChat.pingPeriod else {
            let (wait, period) = (settings.value(of: .pongWait), settings.value(of: .pingPeriod))
            throw ConfigurationFailure(
                description:
                    "\(wait.name) is \(wait.text ?? ""), from \(wait.place), and \(period.name) is \(period.text ?? ""), "
                    + "from \(period.place): the first must be more, or every client would be dropped before it could answer."
            )
        }
        server.disposableChat.rooms.maximumTextLength = try settings.count(.maximumTextLength)
        server.disposableChat.maximumMessageBytes = try settings.count(.maximumMessageBytes)
    }

    private static func readChannelServer(_ settings: Settings, into server: inout ServerConfiguration) throws {
        server.channelServer.isEnabled = try settings.toggle(.channelServer)
        server.channelServer.path = try settings.path(.channelPath)
        server.channelServer.idleTimeout = try settings.seconds(.channelIdleTimeout)
        server.channelServer.maximumLifetime = try settings.seconds(.channelMaximumLifetime)
        server.channelServer.maximumMessageBytes = try settings.count(.channelMaximumMessageBytes)
        server.channelServer.maximumFrameBytes = try settings.count(.channelMaximumFrameBytes)
        server.channelServer.serverPing = try settings.seconds(.channelServerPing)
        server.channelServer.channels.echo = try settings.toggle(.channelEcho)
        server.channelServer.channels.rateLimit = try settings.count(.channelRateLimit)
        server.channelServer.adminToken = try settings.text(.channelManagementToken)
    }

    private static func readManagement(_ settings: Settings, into server: inout ServerConfiguration) throws {
        let auth = settings.value(of: .channelManagementAuth)
        switch try settings.word(.channelManagementAuth) {
        case "none":
            server.channelServer.management = .loopback
        case "token":
            guard let token = try settings.text(.channelManagementToken) else {
                throw ConfigurationFailure(
                    description: "\(auth.name)=token, from \(auth.place), needs CHANNEL_MANAGEMENT_TOKEN."
                )
            }
            server.channelServer.management = .token(token)
        case "sigv4":
            guard let id = try settings.text(.channelAccessKeyID),
                let secret = try settings.text(.channelSecretAccessKey)
            else {
                throw ConfigurationFailure(
                    description:
                        "\(auth.name)=sigv4, from \(auth.place), needs CHANNEL_ACCESS_KEY_ID and CHANNEL_SECRET_ACCESS_KEY."
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
        server.gateway.webSocketPath = try settings.path(.webSocketPath)
        server.gateway.sessionTTL = try settings.count(.sessionTTL)
        if let origins = try settings.origins(.gatewayCORSOrigin) ?? settings.origins(.corsOrigin) {
            server.gateway.corsOrigins = origins.split(separator: ",").map { String($0.trimmingWhiteSpace) }
                .filter { !$0.isEmpty }
        }
        server.gateway.isCORSDisabled = try settings.toggle(.disableCORS)
        server.gateway.adminToken = try settings.text(.gatewayAdminToken)
        server.gateway.rateLimitEvents = try settings.count(.rateLimitEvents)
        server.gateway.packetCap =
            try EngineConfiguration.PacketCap(rawValue: settings.word(.socketIOPacketCap)) ?? .python
        server.gateway.isProduction = ["production", "prod"].contains(try settings.word(.nodeEnvironment).lowercased())
        server.gateway.docsUser = try settings.word(.swaggerUser)
        server.gateway.docsPassword = try settings.text(.swaggerPassword)
        server.gateway.swaggerDirectory = try settings.directory(.swaggerDirectory)
    }

    private static func readRelay(_ settings: Settings, into server: inout ServerConfiguration) throws {
        server.relay.maximumMessageBytes = try settings.count(.relayMaximumMessageBytes)
        server.relay.compresses = try settings.toggle(.relayCompression)
        switch try settings.word(.relay) {
        case "open": server.relay.access = .open
        case "jwt":
            guard try settings.toggle(.sessionChat) else {
                let (relay, chat) = (settings.value(of: .relay), settings.value(of: .sessionChat))
                throw ConfigurationFailure(
                    description:
                        "\(relay.name)=jwt, from \(relay.place), needs session tokens, but \(chat.name) is off, from \(chat.place)."
                )
            }
            server.relay.access = .token
        default: server.relay.access = .closed
        }
    }

    private static func readSpaces(_ settings: Settings, into server: inout ServerConfiguration) throws {
        var spaceOf: [DialectName: ExactString] = [:]
        var mistakes: [String] = []
        for (space, names) in settings.spaces.sorted(by: { $0.key < $1.key }) {
            for name in names {
                guard let dialect = DialectName(rawValue: name), dialect.sharesRooms else {
                    let known = DialectName.allCases.filter(\.sharesRooms).map(\.rawValue).joined(separator: ", ")
                    mistakes.append(
                        "\(settings.file ?? ""): spaces.\(space): no dialect with rooms to share: '\(name)'. Expected some of \(known)."
                    )
                    continue
                }
                if let other = spaceOf[dialect] {
                    mistakes.append(
                        "\(settings.file ?? ""): spaces: \(name) is in both \(other) and \(space); a dialect has one space."
                    )
                    continue
                }
                spaceOf[dialect] = space
                server.spaces[space, default: []].append(dialect)
            }
        }
        if !mistakes.isEmpty { throw ConfigurationFailure(mistakes: mistakes) }
    }
}

enum Clock {
    @Sendable static func wallTime() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
