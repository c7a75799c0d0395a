package import ParleyHTTP

/// The table of the REST API: what is registered, and what the documentation lists.
package struct GatewayRoute: Sendable {
    enum Method: String, Sendable { case get, post }

    enum Operation: String, Sendable {
        case acquireSession, showSession, logout, link, emit, chat, chatStatus, webSocketInfo
        case welcome, health, databaseHealth
    }

    /// Who may ask.
    enum Security: Sendable {
        case none
        /// A session token: body or query, Bearer header, or cookie.
        case session
        /// `GATEWAY_ADMIN_TOKEN` as a Bearer header.
        case admin
    }

    let method: Method
    let path: String
    let operation: Operation
    let summary: String
    var security = Security.none
    /// The properties of the request's JSON object: name, schema type, whether it is required.
    var body: [(name: String, type: String, isRequired: Bool)] = []
    /// Status, and when it comes.
    let responses: [(status: Int, description: String)]
    /// Of a body, in bytes: an object of short strings, unless something else is said.
    var maximumBodyBytes = 16 * 1024

    /// What any port with the gateway on it answers.
    static let shared: [GatewayRoute] = [
        GatewayRoute(
            method: .post,
            path: "/api/auth/acquire-session",
            operation: .acquireSession,
            summary: "Make an anonymous session",
            body: [("platform", "string", false)],
            responses: [(200, "The token, and when it expires"), (503, "The session store does not answer")]
        ),
        GatewayRoute(
            method: .get,
            path: "/api/auth/session",
            operation: .showSession,
            summary: "Look at a session",
            security: .session,
            responses: [
                (200, "The session"), (401, "No token, or none of a session"),
                (503, "The session store does not answer"),
            ]
        ),
        GatewayRoute(
            method: .post,
            path: "/api/auth/logout",
            operation: .logout,
            summary: "Delete a session, and end its connections",
            security: .session,
            body: [("token", "string", false)],
            responses: [
                (200, "It is gone, if it was there"), (400, "No token"), (503, "The session store does not answer"),
            ]
        ),
        GatewayRoute(
            method: .post,
            path: "/api/auth/link",
            operation: .link,
            summary: "Log a user in to a session",
            security: .admin,
            body: [("token", "string", true), ("userId", "string", true)],
            responses: [
                (200, "Later connections are the user's"), (400, "The body is not as it should be"),
                (401, "Not the admin token"), (404, "No such session, or there is no admin token"),
                (503, "The session store does not answer"),
            ]
        ),
        GatewayRoute(
            method: .post,
            path: "/api/emit",
            operation: .emit,
            summary:
                "Send an event to a session, to a user or to everybody, over whichever protocol they are connected",
            security: .admin,
            body: [
                ("event", "string", true), ("data", "any", false), ("session", "string", false),
                ("user", "string", false),
            ],
            responses: [
                (200, "It was sent; `connections` says to how many"), (400, "The body is not as it should be"),
                (401, "Not the admin token"), (404, "No such session, or there is no admin token"),
                (503, "The session store does not answer"),
            ],
            maximumBodyBytes: GatewayAPI.maximumBodyBytes
        ),
        GatewayRoute(
            method: .post,
            path: "/api/ai/chat",
            operation: .chat,
            summary: "Ask the AI, and wait for its whole answer",
            body: [("message", "string", true), ("conversationHistory", "array", false), ("locale", "string", false)],
            responses: [(200, "The answer"), (400, "The message is not usable"), (502, "The answer broke off")],
            maximumBodyBytes: GatewayAPI.maximumBodyBytes
        ),
        GatewayRoute(
            method: .get,
            path: "/api/ai/status",
            operation: .chatStatus,
            summary: "Who answers ai:chat",
            responses: [(200, "The provider")]
        ),
        GatewayRoute(
            method: .get,
            path: "/websocket-info",
            operation: .webSocketInfo,
            summary: "Where and how to connect",
            responses: [(200, "Paths, transports, protocols and events")]
        ),
    ]

    static func shared(at path: RoutePath) -> GatewayRoute? {
        Self.shared.first { RoutePath($0.path) == path }
    }

    /// Whether a path is the gateway's on any port.
    package static func isShared(_ path: RoutePath) -> Bool { path.first == "api-docs" || Self.shared(at: path) != nil }

    /// What only the gateway's own port answers.
    static let own: [GatewayRoute] = [
        GatewayRoute(
            method: .get,
            path: "/",
            operation: .welcome,
            summary: "What this is",
            responses: [(200, "Name, version and features")]
        ),
        GatewayRoute(
            method: .get,
            path: "/health",
            operation: .health,
            summary: "Whether the server is alive",
            responses: [(200, "It is")]
        ),
        GatewayRoute(
            method: .get,
            path: "/health/db",
            operation: .databaseHealth,
            summary: "Whether the session store works",
            responses: [(200, "It does"), (503, "It does not")]
        ),
    ]
}
