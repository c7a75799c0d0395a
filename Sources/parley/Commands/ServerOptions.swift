import ArgumentParser

/// Flags that `serve` and `check-config` share: the strongest source of settings.
struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("YAML file with settings and spaces.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Address to bind. (HOST; default: all interfaces)", valueName: "address"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Front door: every dialect on one port. (PARLEY_PORT, PORT; default: 8000)",
            valueName: "port|off"
        )
    )
    var port: String?

    @Option(
        help: ArgumentHelp(
            "Event gateway: REST, Socket.IO, native WebSocket. (GATEWAY_PORT; default: 3000)",
            valueName: "port|off"
        )
    )
    var gatewayPort: String?

    @Option(
        help: ArgumentHelp(
            "Event gateway: Socket.IO and native WebSocket. (WEBSOCKET_PORT; default: 3500)",
            valueName: "port|off"
        )
    )
    var websocketPort: String?

    @Option(
        help: ArgumentHelp(
            "Directory for what survives a restart. (PARLEY_DATA_DIR; default: memory alone)",
            valueName: "directory"
        )
    )
    var dataDir: String?

    @Option(help: ArgumentHelp("Channel server alone. (CHANNEL_PORT; default: 3001)", valueName: "port|off"))
    var channelPort: String?

    @Option(
        help: ArgumentHelp(
            "Disposable chat alone. (DISPOSABLE_CHAT_PORT, SERVER_PORT; default: off)",
            valueName: "port|off"
        )
    )
    var disposableChatPort: String?

    @Option(
        help: ArgumentHelp(
            "PEM file with the certificate chain: all listeners speak TLS. (PARLEY_TLS_CERTIFICATE)",
            valueName: "file"
        )
    )
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("PEM file with the private key. (PARLEY_TLS_KEY)", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning or error. (PARLEY_LOG_LEVEL; default: info)",
            valueName: "level"
        )
    )
    var logLevel: String?

    @Option(help: ArgumentHelp("text or json, on stderr. (PARLEY_LOG_FORMAT; default: text)", valueName: "format"))
    var logFormat: String?

    @Option(
        help: ArgumentHelp(
            "Issuing API of session chat alone. (SESSION_CHAT_BACKEND_PORT, BACKEND_PORT; default: off)",
            valueName: "port|off"
        )
    )
    var sessionChatBackendPort: String?

    @Option(
        help: ArgumentHelp(
            "API of session backends. (BACKENDS_API_PORT; default: 8080)",
            valueName: "port|off"
        )
    )
    var backendsApiPort: String?

    @Option(
        help: ArgumentHelp(
            "Proxy of session backends. (BACKENDS_PROXY_PORT; default: 9090)",
            valueName: "port|off"
        )
    )
    var backendsProxyPort: String?

    @Option(
        help: ArgumentHelp(
            "Command of the default session backend, such as 'node backend.mjs'. (BACKENDS_COMMAND)",
            valueName: "command"
        )
    )
    var backendCommand: String?

    /// - Parameter isDevelopment: With what `--dev` sets where nobody else does.
    func settings(isDevelopment: Bool) -> Settings {
        Settings(
            sources: [
                (.host, self.host), (.port, self.port), (.gatewayPort, self.gatewayPort),
                (.webSocketPort, self.websocketPort), (.dataDirectory, self.dataDir), (.channelPort, self.channelPort),
                (.disposableChatPort, self.disposableChatPort), (.issuerPort, self.sessionChatBackendPort),
                (.backendsAPIPort, self.backendsApiPort), (.backendsProxyPort, self.backendsProxyPort),
                (.backendsCommand, self.backendCommand),
                (.tlsCertificate, self.tlsCertificate),
                (.tlsKey, self.tlsKey),
                (.logLevel, self.logLevel), (.logFormat, self.logFormat),
            ],
            file: self.config,
            development: isDevelopment ? [(.host, "127.0.0.1"), (.relay, "open"), (.backendsMode, "dev")] : []
        )
    }
}

extension ExitCode {
    /// The configuration cannot be used, or the server could not start.
    static let startFailure = ExitCode(1)
}
