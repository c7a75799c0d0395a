internal import ParleyBackendsHTTP

/// The settings of session backends.
extension Setting {
    static let backendsAPIPort = Setting(
        "BACKENDS_API_PORT",
        form: .port(mayBeOff: true),
        default: "8080",
        help: "Session backends: the API"
    )
    static let backendsProxyPort = Setting(
        "BACKENDS_PROXY_PORT",
        form: .port(mayBeOff: true),
        default: "9090",
        help: "Session backends: the proxy; off: URLs lead to the front door's /b"
    )
    static let backends = Setting(
        "BACKENDS",
        form: .toggle,
        default: "true",
        help: "Session backends: processes by key, behind a proxy"
    )
    static let backendsCommand = Setting(
        "BACKENDS_COMMAND",
        form: .text,
        help: "Command of the default service, for a shell; the file's backends.services.default wins"
    )
    static let backendsMode = Setting(
        "BACKENDS_MODE",
        form: .choice(["dev", "production"]),
        help: "dev: no tokens, any account and service; production: backends.accounts; unset: dev under --dev"
    )
    static let backendsCluster = Setting(
        "BACKENDS_CLUSTER",
        form: .authority,
        help:
            "Name under which browsers reach the proxy, with its port if not 443; unset: the API's host, the proxy's port"
    )
    static let backendsPublicAPIURL = Setting(
        "BACKENDS_PUBLIC_API_URL",
        form: .url(),
        help: "Where clients reach the API; unset: where they asked"
    )
    static let backendsURLStyle = Setting(
        "BACKENDS_URL_STYLE",
        form: .choice(["path", "subdomain"]),
        default: "path",
        help: "https://cluster/token/, or https://id.cluster/token/"
    )
    static let backendsMountBase = Setting(
        "BACKENDS_MOUNT_BASE",
        form: .text,
        help: "Directory for what backends keep, of one server alone; unset: they get none"
    )
    static let backendsDockerSocket = Setting(
        "BACKENDS_DOCKER_SOCKET",
        form: .text,
        help: "Socket of a Docker Engine API, for services with an image; unset: there are none"
    )
    static let backendsPortRange = Setting(
        "BACKENDS_PORT_RANGE",
        form: .text,
        help: "Ports for backends, as 20000-20999; unset: any that is free"
    )
    static let backendsStartupTimeout = Setting(
        "BACKENDS_STARTUP_TIMEOUT",
        form: .seconds(atLeast: 0.1),
        default: "300",
        help: "Seconds until a backend must have answered HTTP"
    )
    static let backendsSoftGrace = Setting(
        "BACKENDS_SOFT_GRACE",
        form: .seconds(atLeast: 0),
        default: "30",
        help: "Seconds between SIGTERM and SIGKILL"
    )
    static let backendsTokenTTL = Setting(
        "BACKENDS_TOKEN_TTL",
        form: .seconds(atLeast: 1),
        default: "3600",
        help: "Seconds that a connection URL is valid after its last use"
    )
    static let backendsRetention = Setting(
        "BACKENDS_RETENTION",
        form: .seconds(atLeast: 0),
        default: "86400",
        help: "Seconds that a backend can be asked for after its end"
    )
    static let backendsStateDirectory = Setting(
        "BACKENDS_STATE_DIR",
        form: .text,
        help:
            "Directory where running backends are written down; unset: below PARLEY_DATA_DIR, or the temporary directory"
    )
    static let backendsMaximum = Setting(
        "BACKENDS_MAX_BACKENDS",
        form: .count(atLeast: 1),
        default: "500",
        help: "Live backends of this process"
    )
    static let backendsSpawnsPerMinute = Setting(
        "BACKENDS_SPAWNS_PER_MINUTE",
        form: .count(atLeast: 0),
        default: "0",
        help: "Backends that an account may spawn in a minute; 0: no limit"
    )
    static let backendsControlToken = Setting(
        "BACKENDS_CTRL_TOKEN",
        form: .text,
        isSecret: true,
        help: "Bearer token for /ctrl; unset: in dev mode callers on this machine, else nobody"
    )
    static let backendsForwardAuth = Setting(
        "BACKENDS_FORWARD_AUTH",
        form: .url(),
        help: "URL that is asked whether a request to /ctrl may pass"
    )
    static let backendsRootRedirect = Setting(
        "BACKENDS_ROOT_REDIRECT",
        form: .url(orPath: true),
        help: "Where / of the proxy leads; unset: 400"
    )
    static let backendsInlineCommands = Setting(
        "BACKENDS_ALLOW_INLINE_COMMANDS",
        form: .toggle,
        default: "false",
        help: "Whether requests to /ctrl/connect may bring the command to run"
    )
    static let backendsWaitForRelease = Setting(
        "BACKENDS_CONNECT_WAITS_FOR_RELEASE",
        form: .seconds(atLeast: 0),
        default: "0",
        help: "Seconds that a connect waits for a backend at its end to release the key"
    )

    static let allOfBackends: [Setting] = [
        .backends, .backendsCommand, .backendsMode, .backendsCluster, .backendsPublicAPIURL, .backendsURLStyle,
        .backendsMountBase, .backendsDockerSocket, .backendsPortRange, .backendsStartupTimeout, .backendsSoftGrace,
        .backendsTokenTTL,
        .backendsRetention, .backendsStateDirectory, .backendsMaximum, .backendsSpawnsPerMinute, .backendsControlToken,
        .backendsForwardAuth, .backendsRootRedirect, .backendsInlineCommands,
        .backendsWaitForRelease,
    ]
}
