internal import NIOCore
internal import ParleyModel

/// The OpenAPI 3.1 description of the REST API, made from the table of routes; the events stand in `x-events`.
struct OpenAPIDocument: Sendable {
    let configuration: GatewayConfiguration
    let events: [String]

    var json: ByteBuffer {
        JSONObjectWriter.object {
            $0.write("openapi", "3.1.0")
            $0.write("info", object: self.info)
            $0.write("paths", object: self.paths)
            $0.write("components", object: self.components)
            $0.write("x-events", object: self.socketEvents)
        }
    }

    private func info(_ writer: inout JSONObjectWriter) {
        writer.write("title", self.configuration.name)
        writer.write("version", self.configuration.version)
        writer.write(
            "description",
            "Sessions by REST; events over Socket.IO and native WebSocket, both behind a session's token."
        )
    }

    private func paths(_ writer: inout JSONObjectWriter) {
        let routes = GatewayRoute.own + GatewayRoute.shared
        var seen: [String] = []
        for route in routes where !seen.contains(route.path) {
            seen.append(route.path)
            writer.write(
                route.path,
                object: { writer in
                    for one in routes where one.path == route.path {
                        writer.write(one.method.rawValue, object: { Self.write(one, into: &$0) })
                    }
                }
            )
        }
    }

    private static func write(_ route: GatewayRoute, into writer: inout JSONObjectWriter) {
        writer.write("operationId", route.operation.rawValue)
        writer.write("summary", route.summary)
        switch route.security {
        case .none: break
        case .session: writer.write("security", json: ByteBuffer(string: "[{\"session\":[]},{\"sessionCookie\":[]}]"))
        case .admin: writer.write("security", json: ByteBuffer(string: "[{\"admin\":[]}]"))
        }
        if !route.body.isEmpty {
            writer.write(
                "requestBody",
                object: {
                    $0.write("required", route.body.contains { $0.isRequired })
                    $0.write(
                        "content",
                        object: {
                            $0.write(
                                "application/json",
                                object: { $0.write("schema", object: { Self.writeSchema(route, into: &$0) }) }
                            )
                        }
                    )
                }
            )
        }
        writer.write(
            "responses",
            object: {
                for response in route.responses {
                    $0.write("\(response.status)", object: { $0.write("description", response.description) })
                }
            }
        )
    }

    private static func writeSchema(_ route: GatewayRoute, into writer: inout JSONObjectWriter) {
        writer.write("type", "object")
        writer.write(
            "properties",
            object: {
                for property in route.body {
                    $0.write(
                        property.name,
                        object: { if property.type != "any" { $0.write("type", property.type) } }
                    )
                }
            }
        )
        let required = route.body.filter(\.isRequired).map(\.name)
        if !required.isEmpty { writer.write("required", required) }
    }

    private func components(_ writer: inout JSONObjectWriter) {
        writer.write(
            "securitySchemes",
            object: {
                $0.write(
                    "session",
                    object: {
                        $0.write("type", "http")
                        $0.write("scheme", "bearer")
                        $0.write("description", "A session token from /api/auth/acquire-session")
                    }
                )
                $0.write(
                    "sessionCookie",
                    object: {
                        $0.write("type", "apiKey")
                        $0.write("in", "cookie")
                        $0.write("name", "token")
                    }
                )
                $0.write(
                    "admin",
                    object: {
                        $0.write("type", "http")
                        $0.write("scheme", "bearer")
                        $0.write("description", "The setting GATEWAY_ADMIN_TOKEN")
                    }
                )
            }
        )
    }

    private func socketEvents(_ writer: inout JSONObjectWriter) {
        writer.write("client", self.events)
        writer.write("server", InfoRoutes.serverEvents)
    }
}
