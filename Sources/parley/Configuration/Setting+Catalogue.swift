internal import ParleyGateway

/// Every setting there is, in the order in which `parley check-config` prints them and `docs/configuration.md` explains them.
extension Setting {
    // Listeners
    static let port = Setting(
        "PARLEY_PORT",
        "SESSION_CHAT_PORT",
        "PORT",
        form: .port(mayBeOff: true),
        default: "8000",
        help: "Front door: every dialect on one port"
    )
    static let gatewayPort = Setting(
        "GATEWAY_PORT",
        form: .port(mayBeOff: true),
        default: "3000",
        help: "Event gateway: REST, Socket.IO, native WebSocket at WEBSOCKET_PATH"
    )
    static let webSocketPort = Setting(
        "WEBSOCKET_PORT",
        form: .port(mayBeOff: true),
        default: "3500",
        help: "Event gateway: Socket.IO and native WebSocket, told apart by themselves"
    )
    static let channelPort = Setting(
        "CHANNEL_PORT",
        form: .port(mayBeOff: true),
        default: "3001",
        help: "Channel server alone, with /@connections"
    )
    static let disposableChatPort = Setting(
        "DISPOSABLE_CHAT_PORT",
        "SERVER_PORT",
        form: .port(mayBeOff: true),
        default: "off",
        help: "Disposable chat alone"
    )
    static let issuerPort = Setting(
        "SESSION_CHAT_BACKEND_PORT",
        "BACKEND_PORT",
        form: .port(mayBeOff: true),
        default: "off",
        help: "Issuing API of session chat alone"
    )
    static let host = Setting(
        "HOST",
        form: .address,
        help: "Address to bind; unset: all interfaces, under --dev this machine alone"
    )
    static let trustedProxies = Setting(
        "PARLEY_TRUSTED_PROXIES",
        "BACKENDS_TRUSTED_PROXIES",
        form: .text,
        help: "Addresses and networks whose X-Forwarded-For or Forwarded says where the client is, separated by commas"
    )
    static let eventLoops = Setting(
        "PARLEY_EVENT_LOOPS",
        form: .count(atLeast: 1, atMost: 1024),
        help: "Event loops; unset: one per core"
    )
    static let tlsCertificate = Setting(
        "PARLEY_TLS_CERTIFICATE",
        form: .text,
        help: "PEM file with the certificate chain; all listeners speak TLS"
    )
    static let tlsKey = Setting("PARLEY_TLS_KEY", form: .text, help: "PEM file with the private key")

    static let dataDirectory = Setting(
        "PARLEY_DATA_DIR",
        form: .text,
        help:
            "Directory for what survives a restart (what was said in rooms, gateway sessions, session backends); unset: memory alone"
    )

    // Limits
    static let maximumConnections = Setting(
        "PARLEY_MAX_CONNECTIONS",
        form: .count(atLeast: 0),
        default: "0",
        help: "WebSocket connections of this process; 0: as many as open files allow"
    )
    static let maximumConnectionsPerAddress = Setting(
        "PARLEY_MAX_CONNECTIONS_PER_ADDRESS",
        form: .count(atLeast: 0),
        default: "0",
        help: "WebSocket connections from one address; 0: no limit"
    )
    static let maximumPollingSessions = Setting(
        "PARLEY_MAX_POLLING_SESSIONS",
        form: .count(atLeast: 0),
        default: "8000",
        help: "Socket.IO sessions of this process that poll; 0: no limit"
    )
    static let maximumPollingSessionsPerAddress = Setting(
        "PARLEY_MAX_POLLING_SESSIONS_PER_ADDRESS",
        form: .count(atLeast: 0),
        default: "2000",
        help: "Socket.IO sessions from one address that poll; 0: no limit"
    )
    static let backlogBytes = Setting(
        "PARLEY_BACKLOG_BYTES",
        form: .count(atLeast: 1024, atMost: 1 << 30),
        default: "1048576",
        help: "Bytes that may wait for one slow reader; over Socket.IO 8000000, if that is more"
    )
    static let processBacklogBytes = Setting(
        "PARLEY_PROCESS_BACKLOG_BYTES",
        form: .count(atLeast: 0),
        default: "0",
        help: "Bytes that may wait for all slow readers; 0: a quarter of memory, at most 1 GiB"
    )
    static let keepAlive = Setting(
        "PARLEY_TCP_KEEPALIVE",
        form: .seconds(atLeast: 0),
        default: "120",
        help: "Seconds after which a peer that went away without a word is noticed, at least 8; 0: not by TCP"
    )
    static let historyBytes = Setting(
        "PARLEY_HISTORY_BYTES",
        form: .count(atLeast: 1 << 20),
        default: "134217728",
        help: "Bytes that the histories of all rooms may have; rooms that nobody has been in for longest go first"
    )
    static let headerTimeout = Setting(
        "PARLEY_HEADER_TIMEOUT",
        form: .seconds(atLeast: 0.01),
        default: "10",
        help: "Time for a request head to arrive"
    )
    static let frameTimeout = Setting(
        "PARLEY_FRAME_TIMEOUT",
        form: .seconds(atLeast: 0.01),
        default: "30",
        help: "Time that an unfinished frame, message, packet or body may go without progress"
    )
    static let shutdownGrace = Setting(
        "PARLEY_SHUTDOWN_GRACE",
        form: .seconds(atLeast: 0),
        default: "10",
        help: "Time that clients get to say goodbye on SIGTERM"
    )

    // Logging
    static let logLevel = Setting(
        "PARLEY_LOG_LEVEL",
        form: .choice(["trace", "debug", "info", "notice", "warning", "error"]),
        default: "info",
        help: "What is logged to stderr"
    )
    static let logFormat = Setting(
        "PARLEY_LOG_FORMAT",
        form: .choice(["text", "json"]),
        default: "text",
        help: "How it is logged"
    )
    static let logDebug = Setting("LOG_DEBUG", form: .toggle, default: "false", help: "Same as PARLEY_LOG_LEVEL=debug")
    static let debug = Setting("DEBUG", form: .toggle, default: "false", help: "Same as LOG_DEBUG")

    static let corsOrigin = Setting(
        "CORS_ORIGIN",
        form: .origins(),
        help: "Origins of pages that may call the HTTP APIs, comma-separated, or *"
    )

    // Session chat
    static let sessionChat = Setting(
        "SESSION_CHAT",
        form: .toggle,
        default: "true",
        help: "Session chat and its issuing API"
    )
    static let jwtSecret = Setting(
        "SESSION_CHAT_JWT_SECRET",
        "JWT_SECRET",
        form: .text,
        isSecret: true,
        help: "Secret that signs session tokens, 16 bytes or more; required"
    )
    static let sessionServerHost = Setting(
        "SESSION_CHAT_SESSION_SERVER_HOST",
        "SESSION_SERVER_HOST",
        form: .authorities,
        help: "host:port that the issuing API names, comma-separated; unset: the request's Host"
    )
    static let roomsPerProcess = Setting(
        "SESSION_CHAT_ROOMS_PER_PROCESS",
        "ROOMS_PER_PROCESS",
        form: .count(atLeast: 0),
        default: "0",
        help: "Live rooms of this process; 0: no limit"
    )
    static let idleTimeoutEnabled = Setting(
        "SESSION_CHAT_IDLE_TIMEOUT_ENABLED",
        "IDLE_TIMEOUT_ENABLED",
        form: .toggle,
        default: "false",
        help: "End the process when it has had nothing to do for PROCESS_IDLE_TIMEOUT"
    )
    static let processIdleTimeout = Setting(
        "SESSION_CHAT_PROCESS_IDLE_TIMEOUT",
        "PROCESS_IDLE_TIMEOUT",
        form: .seconds(atLeast: 0),
        default: "300",
        help: "See IDLE_TIMEOUT_ENABLED"
    )
    static let roomIdleTimeout = Setting(
        "SESSION_CHAT_ROOM_IDLE_TIMEOUT",
        "ROOM_IDLE_TIMEOUT",
        form: .seconds(atLeast: 0),
        default: "300",
        help: "How long an empty room keeps its messages"
    )
    static let maximumUsersPerRoom = Setting(
        "SESSION_CHAT_MAX_USERS_PER_ROOM",
        "MAX_USERS_PER_ROOM",
        form: .count(atLeast: 1),
        default: "100",
        help: "Users of one room"
    )
    static let historyLimit = Setting(
        "SESSION_CHAT_HISTORY_LIMIT",
        "HISTORY_LIMIT",
        form: .count(atLeast: 0),
        default: "100",
        help: "Messages that a room keeps"
    )
    static let historyFull = Setting(
        "SESSION_CHAT_HISTORY_FULL",
        "HISTORY_FULL",
        form: .choice(["roll", "refuse"]),
        default: "roll",
        help: "Beyond HISTORY_LIMIT: discard the oldest message, or refuse new ones"
    )
    static let maximumMessageLength = Setting(
        "SESSION_CHAT_MAX_MESSAGE_LENGTH",
        "MAX_MESSAGE_LENGTH",
        form: .count(atLeast: 1),
        default: "1000",
        help: "Characters (UTF-16 units) of a message; longer ones are dropped"
    )
    static let duplicateUser = Setting(
        "SESSION_CHAT_DUPLICATE_USER",
        "DUPLICATE_USER",
        form: .choice(["reject", "replace"]),
        default: "reject",
        help: "A second connection of a user: refused, or it takes the place of the first"
    )
    static let issuerEnabled = Setting(
        "SESSION_CHAT_ISSUER_ENABLED",
        "ISSUER_ENABLED",
        form: .toggle,
        default: "true",
        help: "POST /api/login and /api/rooms; login asks for no proof of identity"
    )
    static let tokenTTL = Setting(
        "SESSION_CHAT_TOKEN_TTL",
        "TOKEN_TTL",
        form: .count(atLeast: 0),
        default: "86400",
        help: "Seconds that issued tokens are valid; 0: for ever"
    )
    static let sessionChatCORSOrigin = Setting(
        "SESSION_CHAT_CORS_ORIGIN",
        form: .origins(),
        help: "As CORS_ORIGIN, for the issuing API alone"
    )
    static let sessionCheckHost = Setting(
        "SESSION_CHAT_SESSION_CHECK_HOST",
        "SESSION_CHECK_HOST",
        form: .toggle,
        default: "true",
        help: "A token's host claim must be the request's Host"
    )
    static let maximumFrameBytes = Setting(
        "SESSION_CHAT_MAX_FRAME_BYTES",
        "MAX_FRAME_BYTES",
        form: .count(atLeast: 1, atMost: 1 << 30),
        default: "65536",
        help: "Bytes of a session chat message, all fragments together"
    )

    // Disposable chat
    static let disposableChat = Setting("DISPOSABLE_CHAT", form: .toggle, default: "true", help: "Disposable chat")
    static let acceptedOrigin = Setting(
        "DISPOSABLE_CHAT_ACCEPTED_ORIGIN",
        "ACCEPTED_ORIGIN",
        form: .origins(orHosts: true),
        help: "Origins of pages that may connect, comma-separated, or *; unset: only clients without an Origin"
    )
    static let pingPeriod = Setting(
        "DISPOSABLE_CHAT_PING_PERIOD",
        "PING_PERIOD",
        form: .seconds(atLeast: 0.1),
        default: "54",
        help: "Seconds between pings"
    )
    static let pongWait = Setting(
        "DISPOSABLE_CHAT_PONG_WAIT",
        "PONG_WAIT",
        form: .seconds(atLeast: 0.1),
        default: "60",
        help: "Seconds of silence after which a client is dropped; more than PING_PERIOD"
    )
    static let maximumTextLength = Setting(
        "DISPOSABLE_CHAT_MAX_TEXT_LENGTH",
        "MAX_TEXT_LENGTH",
        form: .count(atLeast: 1),
        default: "300",
        help: "Characters (UTF-16 units) of a chat line"
    )
    static let maximumMessageBytes = Setting(
        "DISPOSABLE_CHAT_MAX_MESSAGE_BYTES",
        "MAX_MESSAGE_BYTES",
        form: .count(atLeast: 1, atMost: 1 << 30),
        default: "4096",
        help: "Bytes of a disposable chat message"
    )

    // Channel server
    static let channelServer = Setting("CHANNEL_SERVER", form: .toggle, default: "true", help: "Channel server")
    static let channelPath = Setting(
        "CHANNEL_PATH",
        form: .path,
        default: "/",
        help: "A path for the channel server on the front door, beside /channels"
    )
    static let channelIdleTimeout = Setting(
        "CHANNEL_IDLE_TIMEOUT",
        form: .seconds(atLeast: 0),
        default: "600",
        help: "Idle connections are closed; 0: never"
    )
    static let channelMaximumLifetime = Setting(
        "CHANNEL_MAX_LIFETIME",
        form: .seconds(atLeast: 0),
        default: "7200",
        help: "Old connections are closed; 0: never"
    )
    static let channelMaximumMessageBytes = Setting(
        "CHANNEL_MAX_MESSAGE_BYTES",
        form: .count(atLeast: 1, atMost: 1 << 30),
        default: "131072",
        help: "Bytes of a message"
    )
    static let channelMaximumFrameBytes = Setting(
        "CHANNEL_MAX_FRAME_BYTES",
        form: .count(atLeast: 0, atMost: 1 << 30),
        default: "0",
        help: "Bytes of a frame; 0: as a message"
    )
    static let channelEcho = Setting(
        "CHANNEL_ECHO",
        form: .toggle,
        default: "true",
        help: "A publisher receives its own message"
    )
    static let channelServerPing = Setting(
        "CHANNEL_SERVER_PING",
        form: .seconds(atLeast: 0),
        default: "0",
        help: "Seconds between protocol pings; 0: none"
    )
    static let channelRateLimit = Setting(
        "CHANNEL_RATE_LIMIT",
        form: .count(atLeast: 0),
        default: "0",
        help: "Messages a second from one client; 0: no limit"
    )
    static let channelManagementAuth = Setting(
        "CHANNEL_MANAGEMENT_AUTH",
        form: .choice(["off", "none", "token", "sigv4"]),
        default: "off",
        help:
            "Who may use /@connections: nobody, programs and pages of this machine, bearers of a token, signers of requests"
    )
    static let channelManagementToken = Setting(
        "CHANNEL_MANAGEMENT_TOKEN",
        form: .text,
        isSecret: true,
        help: "Token for /@connections and /connections"
    )
    static let channelAccessKeyID = Setting(
        "CHANNEL_ACCESS_KEY_ID",
        form: .text,
        isSecret: true,
        help: "Key pair for sigv4"
    )
    static let channelSecretAccessKey = Setting(
        "CHANNEL_SECRET_ACCESS_KEY",
        form: .text,
        isSecret: true,
        help: "Key pair for sigv4"
    )

    // Event gateway
    static let gateway = Setting(
        "GATEWAY",
        form: .toggle,
        default: "true",
        help: "Event gateway: sessions, events over Socket.IO and native WebSocket"
    )
    static let gatewayName = Setting(
        "GATEWAY_NAME",
        form: .text,
        default: "Realtime Session Server",
        help: "What the gateway calls itself"
    )
    static let webSocketPath = Setting(
        "WEBSOCKET_PATH",
        form: .path,
        default: "/ws",
        help: "Where GATEWAY_PORT takes native WebSocket connections"
    )
    static let sessionTTL = Setting(
        "SESSION_TTL",
        form: .count(atLeast: 1),
        default: "2592000",
        help: "Seconds that gateway sessions are valid"
    )
    static let gatewayCORSOrigin = Setting(
        "GATEWAY_CORS_ORIGIN",
        form: .origins(),
        help: "As CORS_ORIGIN, for the gateway alone; both unset: http://localhost:5173,http://localhost:8100"
    )
    static let disableCORS = Setting(
        "DISABLE_CORS",
        form: .toggle,
        default: "false",
        help: "No CORS headers from the gateway: a proxy in front adds them"
    )
    static let gatewayAdminToken = Setting(
        "GATEWAY_ADMIN_TOKEN",
        form: .text,
        isSecret: true,
        help: "Token for POST /api/auth/link and /api/emit; unset: there are none"
    )
    static let rateLimitEvents = Setting(
        "RATE_LIMIT_EVENTS",
        form: .count(atLeast: 0),
        default: "0",
        help: "Events a second from one gateway client; 0: no limit"
    )
    static let socketIOPacketCap = Setting(
        "SOCKET_IO_PACKET_CAP",
        form: .choice(["python", "all", "none"]),
        default: "python",
        help:
            "Who gets 16 packets at most in the answer to a poll: clients that may be python-socketio and need it, all, or none"
    )
    static let aiURL = Setting(
        "AI_API_URL",
        form: .url(),
        help: "OpenAI-compatible endpoint for ai:chat, as https://host/v1; unset: a built-in reply"
    )
    static let aiKey = Setting("AI_API_KEY", form: .text, isSecret: true, help: "Bearer token for AI_API_URL")
    static let aiModel = Setting("AI_MODEL", form: .text, help: "Model that AI_API_URL is asked for")
    static let nodeEnvironment = Setting(
        "NODE_ENV",
        form: .text,
        default: "development",
        help: "production: no API documentation"
    )
    static let swaggerUser = Setting(
        "SWAGGER_USERNAME",
        form: .text,
        default: "admin",
        help: "Who may read the API documentation"
    )
    static let swaggerPassword = Setting(
        "SWAGGER_PASSWORD",
        form: .text,
        isSecret: true,
        help: "Password for the API documentation; unset: there is none, under --dev none is asked for"
    )
    static let swaggerDirectory = Setting(
        "SWAGGER_UI_DIR",
        form: .text,
        help: "Directory with swagger-ui.css and swagger-ui-bundle.js; unset: a page of our own"
    )

    // Relay
    static let relay = Setting(
        "RELAY",
        form: .choice(["off", "open", "jwt"]),
        default: "off",
        help: "Who may use /relay: nobody, anybody, bearers of a session token for the topic (open under --dev)"
    )
    static let relayMaximumMessageBytes = Setting(
        "RELAY_MAX_MESSAGE_BYTES",
        form: .count(atLeast: 1, atMost: 1 << 30),
        default: "1048576",
        help: "Bytes of a message"
    )
    static let relayCompression = Setting(
        "RELAY_COMPRESSION",
        form: .toggle,
        default: "true",
        help: "Accept permessage-deflate when a client offers it"
    )

    static let all: [Setting] =
        [
            .port, .gatewayPort, .webSocketPort, .channelPort, .disposableChatPort, .issuerPort, .backendsAPIPort,
            .backendsProxyPort, .host, .trustedProxies, .eventLoops,
            .tlsCertificate, .tlsKey,
            .dataDirectory,
            .maximumConnections, .maximumConnectionsPerAddress, .maximumPollingSessions,
            .maximumPollingSessionsPerAddress, .backlogBytes, .processBacklogBytes, .keepAlive,
            .historyBytes, .headerTimeout, .frameTimeout, .shutdownGrace,
            .logLevel, .logFormat, .logDebug, .debug, .corsOrigin,
            .sessionChat, .jwtSecret, .sessionServerHost, .roomsPerProcess, .idleTimeoutEnabled, .processIdleTimeout,
            .roomIdleTimeout, .maximumUsersPerRoom, .historyLimit, .historyFull, .maximumMessageLength, .duplicateUser,
            .issuerEnabled, .tokenTTL, .sessionChatCORSOrigin, .sessionCheckHost, .maximumFrameBytes,
            .disposableChat, .acceptedOrigin, .pingPeriod, .pongWait, .maximumTextLength, .maximumMessageBytes,
            .channelServer, .channelPath, .channelIdleTimeout, .channelMaximumLifetime, .channelMaximumMessageBytes,
            .channelMaximumFrameBytes, .channelEcho, .channelServerPing, .channelRateLimit, .channelManagementAuth,
            .channelManagementToken, .channelAccessKeyID, .channelSecretAccessKey,
            .gateway, .gatewayName, .webSocketPath, .sessionTTL, .gatewayCORSOrigin, .disableCORS, .gatewayAdminToken,
            .rateLimitEvents, .socketIOPacketCap, .aiURL, .aiKey, .aiModel, .nodeEnvironment, .swaggerUser,
            .swaggerPassword,
            .swaggerDirectory,
            .relay, .relayMaximumMessageBytes, .relayCompression,
        ] + Setting.allOfBackends
}
