internal import NIOCore
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel

/// The events of the specification. Source: event gateway specification, *Client -> server, server -> client*.
struct BuiltInEvents: Sendable {
    let configuration: GatewayConfiguration
    let chat: any ChatProvider
    let activeConnections: @Sendable () -> Int
    let wallTime: @Sendable () -> WallTime

    /// AI requests of one client at a time.
    static let maximumChats = 3

    func register(on router: EventRouter) {
        router.on("ping") { event in
            event.connection.emit("pong") { $0.write("timestamp", self.timestamp) }
        }
        router.on("status") { self.status($0) }
        router.on("echo") { event in
            event.connection.emit("echo_response", attachments: event.attachments) {
                $0.write("received", json: event.data)
                $0.write("timestamp", self.timestamp)
                $0.write("socketId", event.connection.socketID)
            }
        }
        router.on("info") { self.info($0) }
        router.on("message") { event in
            event.connection.emit("message_received", attachments: event.attachments) {
                $0.write("success", true)
                $0.write("message", "Message received successfully")
                $0.write("data", json: event.data)
                $0.write("timestamp", self.timestamp)
            }
        }
        router.on("ai:chat") { self.chat($0) }
    }

    private var timestamp: String { self.wallTime().iso8601 }

    /// The first event of every connection.
    func greet(_ connection: GatewayConnection) {
        let isNative = connection.wireProtocol == .nativeWebSocket
        connection.emit("connected") {
            $0.write(
                "message",
                "Connected to \(self.configuration.name)" + (isNative ? " by native WebSocket" : "")
            )
            $0.write("socketId", connection.socketID)
            $0.write("isLoggedIn", connection.session.isLoggedIn)
            if isNative { $0.write("protocol", Self.nativeProtocol) }
        }
    }

    static let nativeProtocol = "native-websocket"

    private func status(_ event: GatewayEvent) {
        let connection = event.connection
        let session = connection.session
        connection.emit("status_response") {
            $0.write(
                "server",
                object: {
                    $0.write("name", self.configuration.name)
                    $0.write("version", self.configuration.version)
                    $0.write("status", "running")
                    $0.write("timestamp", self.timestamp)
                }
            )
            $0.write(
                "connection",
                object: {
                    $0.write("socketId", connection.socketID)
                    $0.write("sessionToken", GatewayToken.masked(session.token))
                    $0.write("userId", json: session.userID.map { ByteBuffer(jsonString: $0.value) })
                    $0.write("isLoggedIn", session.isLoggedIn)
                    switch connection.wireProtocol {
                    case .nativeWebSocket: $0.write("protocol", Self.nativeProtocol)
                    case .socketIO: $0.write("rooms", connection.rooms)
                    }
                }
            )
        }
    }

    private func info(_ event: GatewayEvent) {
        let connection = event.connection
        let session = connection.session
        let isNative = connection.wireProtocol == .nativeWebSocket
        connection.emit("info_response") {
            $0.write(
                "server",
                object: {
                    $0.write("name", self.configuration.name)
                    $0.write("version", self.configuration.version)
                    $0.write("description", "Events over Socket.IO and native WebSocket, behind session tokens")
                    $0.write(
                        "features",
                        object: {
                            for feature in ["rest", "websocket", "authentication", "realtime"] {
                                $0.write(feature, true)
                            }
                            if isNative { $0.write("protocol", Self.nativeProtocol) }
                        }
                    )
                }
            )
            $0.write(
                "websocket",
                object: {
                    $0.write("connected", true)
                    if isNative {
                        $0.write("protocol", Self.nativeProtocol)
                    } else {
                        $0.write("transport", connection.transport)
                        $0.write("protocol", 4)
                        $0.write("activeConnections", self.activeConnections())
                    }
                }
            )
            $0.write(
                "session",
                object: {
                    $0.write("authenticated", session.isLoggedIn)
                    $0.write("userId", session.userID?.value ?? "anonymous")
                    $0.write("sessionToken", GatewayToken.masked(session.token))
                }
            )
            $0.write("timestamp", self.timestamp)
        }
    }

    // MARK: ai:chat

    private func chat(_ event: GatewayEvent) {
        let connection = event.connection
        let request: ChatRequest
        switch ChatRequest.parse(event.data) {
        case .success(let parsed): request = parsed
        case .failure(let failure): return self.chatFailed(connection, failure.text, messageID: nil)
        }
        let isTaken = connection.run(atMost: Self.maximumChats) { await self.answer(request, to: connection) }
        if !isTaken {
            self.chatFailed(
                connection,
                "Too many requests at once: \(Self.maximumChats) are being answered",
                messageID: nil
            )
        }
    }

    private func answer(_ request: ChatRequest, to connection: GatewayConnection) async {
        let messageID = self.makeID("ai")
        connection.emit("ai:response:start") { $0.write("messageId", messageID) }
        var fullResponse = ""
        do {
            for try await chunk in self.chat.answer(to: request.turns, locale: request.locale) {
                fullResponse += chunk
                connection.emit("ai:response:chunk") {
                    $0.write("messageId", messageID)
                    $0.write("chunk", chunk)
                }
            }
        } catch {
            if !Task.isCancelled {
                self.chatFailed(connection, "The answer broke off", messageID: messageID)
            }
            return
        }
        guard !Task.isCancelled else { return }
        connection.emit("ai:response:complete") { [fullResponse] in
            $0.write("messageId", messageID)
            $0.write("fullResponse", fullResponse)
        }
    }

    private func chatFailed(_ connection: GatewayConnection, _ text: String, messageID: String?) {
        connection.emit("ai:response:error") {
            $0.write("error", text)
            if let messageID { $0.write("messageId", messageID) }
        }
    }

    /// `<prefix>-<epoch ms>-<9 base-36 characters>`
    func makeID(_ prefix: String) -> String {
        var random: any RandomNumberGenerator = SystemRandomNumberGenerator()
        return "\(prefix)-\(self.wallTime().milliseconds)-\(RandomIdentifier.base36(length: 9, using: &random))"
    }
}

extension ByteBuffer {
    init(jsonString text: String) {
        self.init()
        self.writeJSONString(text)
    }
}
