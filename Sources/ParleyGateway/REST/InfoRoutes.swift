internal import HTTPTypes
package import Hummingbird
package import NIOCore
internal import ParleyHTTP
internal import ParleyHub
package import ParleyModel

/// What the gateway says of itself.
struct InfoRoutes: Sendable {
    let services: GatewayServices
    let events: [String]

    /// Events that clients receive, as the documentation lists them.
    static let serverEvents = [
        "connected", "pong", "status_response", "echo_response", "info_response", "message_received",
        "ai:response:start", "ai:response:chunk", "ai:response:complete", "ai:response:error", "error",
    ]

    func welcome() -> Response {
        .json(
            .ok,
            JSONObjectWriter.object {
                $0.write("message", self.services.configuration.name)
                $0.write("version", self.services.configuration.version)
                $0.write("status", "running")
                $0.write(
                    "features",
                    object: {
                        for feature in ["rest", "websocket", "sessionAcquisition"] { $0.write(feature, true) }
                    }
                )
            }
        )
    }

    func health() -> Response {
        .json(
            .ok,
            JSONObjectWriter.object {
                $0.write("status", "healthy")
                $0.write("timestamp", self.services.wallTime().iso8601)
            }
        )
    }

    func databaseHealth() async -> Response {
        var failure: StoreError.Code?
        do {
            try await self.services.sessions.check()
        } catch {
            // The sentence is for operators: it names files.
            failure = (error as? StoreError)?.code ?? .unavailable
        }
        let works = failure == nil
        return .json(
            works ? .ok : .serviceUnavailable,
            JSONObjectWriter.object {
                $0.write("status", works ? "healthy" : "unhealthy")
                $0.write("database", works ? "connected" : "disconnected")
                if let failure { $0.write("error", "\(failure)") }
                $0.write("timestamp", self.services.wallTime().iso8601)
            }
        )
    }

    func webSocketInfo() -> Response {
        .json(
            .ok,
            JSONObjectWriter.object {
                $0.write("path", "/socket.io/")
                $0.write("nativePath", self.services.configuration.webSocketPath)
                $0.write("transports", ["websocket", "polling"])
                $0.write("protocols", ["socket.io", BuiltInEvents.nativeProtocol])
                $0.write("authentication", "A session token: auth.token, or the query parameter token")
                $0.write(
                    "events",
                    object: {
                        $0.write("client", self.events)
                        $0.write("server", Self.serverEvents)
                    }
                )
            }
        )
    }
}

/// The answer to anything that is no socket on the gateway's socket port: what is here, and how to use it.
///
/// Source: event gateway specification, *Server information JSON*.
package struct GatewayInformation: HTTPAnswering {
    private let services: GatewayServices

    package init(_ services: GatewayServices) {
        self.services = services
    }

    package func respond(
        to request: Request,
        from client: SocketAddress?,
        on channel: any Channel,
        refusing refusal: Refusal?
    ) async -> Response {
        // What a proxy says of its own client changes nothing but the text for that client.
        let forwarded = HTTPField.Name("X-Forwarded-Proto").flatMap { request.headers[$0] }
        let scheme = forwarded == "https" || forwarded == "http" ? forwarded : request.head.scheme
        return Response.json(.ok, self.json(origin: request.head.authority ?? "localhost", scheme))
    }

    private func json(origin: String, _ scheme: String?) -> ByteBuffer {
        let configuration = self.services.configuration
        let isSecure = scheme == "https"
        let http = "\(isSecure ? "https" : "http")://\(origin)"
        let socket = "\(isSecure ? "wss" : "ws")://\(origin)\(configuration.webSocketPath)"
        return JSONObjectWriter.object {
            $0.write("message", configuration.name)
            $0.write("version", configuration.version)
            $0.write("status", "running")
            $0.write(
                "protocols",
                object: {
                    $0.write(
                        "socketio",
                        object: {
                            $0.write("path", "/socket.io/")
                            $0.write("description", "Socket.IO, with reconnection and long-polling")
                            $0.write("transports", ["websocket", "polling"])
                        }
                    )
                    $0.write(
                        "websocket",
                        object: {
                            $0.write("path", "/")
                            $0.write("description", "Native WebSocket: {\"event\":…,\"data\":…}")
                            $0.write("authentication", "Query parameter token, or Authorization: Bearer")
                        }
                    )
                }
            )
            $0.write(
                "usage",
                object: {
                    $0.write(
                        "socketio",
                        "io('\(http)', { path: '\(configuration.webSocketPath)', auth: { token: 'YOUR_TOKEN' } })"
                    )
                    $0.write("websocket", "new WebSocket('\(socket)?token=YOUR_TOKEN')")
                }
            )
        }
    }
}
