/// Why a request is answered with an HTTP error instead of what it asked for: a row of the one table.
///
/// The label is bounded and safe for metrics; the text is for the client and says what was expected and, where one
/// governs it, which setting.
public struct Refusal: Error, Sendable, Hashable {
    /// The HTTP status code.
    public let status: Int
    public let text: String
    public let label: String
    /// Header fields beyond the usual ones.
    public let headers: [Header]
    /// Whether the text is the whole body, without a line end.
    public let isBare: Bool

    public struct Header: Sendable, Hashable {
        public let name: String
        public let value: String
    }

    private init(
        _ status: Int,
        _ text: String,
        label: String,
        headers: [(String, String)] = [],
        isBare: Bool = false
    ) {
        self.status = status
        self.text = text
        self.label = label
        self.isBare = isBare
        self.headers = headers.map { Header(name: $0.0, value: $0.1) }
    }
}

extension Refusal {
    public static let badRequest = Refusal(400, "Malformed request", label: "bad_request")
    public static let bareLineFeed = Refusal(
        400,
        "Expected the lines of a request's head to end with CR LF, got LF alone",
        label: "bad_request"
    )
    public static let repeatedHost = Refusal(400, "Expected exactly one Host header", label: "bad_request")
    public static let badHost = Refusal(
        400,
        "Expected Host to be a name or address, with a port or without",
        label: "bad_request"
    )
    public static let badTarget = Refusal(
        400,
        "Expected the target of a request to be a path, or a whole http URL",
        label: "bad_request"
    )
    public static let unknownExpectation = Refusal(417, "Expected Expect: 100-continue, or none", label: "bad_request")
    public static let unknownMethod = Refusal(
        501,
        "Expected one of the methods GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        label: "bad_request"
    )
    public static let unknownTransferCoding = Refusal(
        501,
        "Expected Transfer-Encoding: chunked, or none",
        label: "bad_request"
    )
    public static let unsupportedHTTPVersion = Refusal(
        505,
        "Expected HTTP/1.1 at the end of the request line, and CR LF behind it",
        label: "bad_request"
    )
    public static let ambiguousLength = Refusal(
        400,
        "Expected either Content-Length or Transfer-Encoding, got both",
        label: "bad_request"
    )
    public static let notAHandshake = Refusal(
        400,
        "Not a WebSocket handshake: expected Connection: Upgrade and a Sec-WebSocket-Key of 16 bytes in base64",
        label: "bad_handshake"
    )
    public static let methodNotAllowed = Refusal(
        405,
        "A WebSocket handshake is a GET request",
        label: "bad_handshake",
        headers: [("Allow", "GET")]
    )
    public static let unsupportedVersion = Refusal(
        426,
        "Expected Sec-WebSocket-Version: 13",
        label: "bad_handshake",
        headers: [("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]
    )
    public static let upgradeRequired = Refusal(
        426,
        "This address speaks WebSocket: expected an upgrade request",
        label: "no_upgrade",
        headers: [("Upgrade", "websocket"), ("Connection", "Upgrade")]
    )
    public static let badToken = Refusal(
        401,
        "Unauthorized: expected a valid session token in the query parameter 'token'",
        label: "bad_token"
    )
    public static let tooManyRooms = Refusal(
        503,
        "This process holds as many rooms as ROOMS_PER_PROCESS allows",
        label: "room_limit",
        headers: [("Retry-After", "5")]
    )
    public static let disposableParameters = Refusal(
        400,
        "name and room are required, each 3 to 30 characters long; room may hold letters, digits, '-' and '_' only",
        label: "bad_parameters"
    )
    public static let gatewayTokenRequired = Refusal(
        401,
        "Authentication token required",
        label: "bad_token",
        isBare: true
    )
    public static let gatewayTokenInvalid = Refusal(
        401,
        "Invalid or expired session token",
        label: "bad_token",
        isBare: true
    )
    /// The store of sessions cannot be asked. Neither "Authentication" nor "token" may stand here: clients stop trying at them.
    public static let gatewayUnavailable = Refusal(
        503,
        "The session store does not answer: try again",
        label: "session_store",
        headers: [("Retry-After", "5")],
        isBare: true
    )
    public static let originNotAccepted = Refusal(
        403,
        "Origin not accepted: it must be listed in ACCEPTED_ORIGIN",
        label: "origin"
    )
    public static let relayClosed = Refusal(
        403,
        "The relay is switched off: set RELAY=open or RELAY=jwt",
        label: "relay_off"
    )
    public static let relayTopic = Refusal(
        400,
        "Expected /relay/{topic} with a topic of 1 to 256 bytes",
        label: "bad_parameters"
    )
    public static let relayToken = Refusal(
        401,
        "Unauthorized: expected a session token whose roomId is the topic, or *",
        label: "bad_token"
    )
    public static let shuttingDown = Refusal(
        503,
        "The server is shutting down",
        label: "shutting_down",
        headers: [("Retry-After", "1")]
    )
    public static let connectionLimit = Refusal(
        503,
        "This process holds as many connections as PARLEY_MAX_CONNECTIONS allows",
        label: "connection_limit",
        headers: [("Retry-After", "5")]
    )
    public static let addressLimit = Refusal(
        429,
        "Too many connections from this address: PARLEY_MAX_CONNECTIONS_PER_ADDRESS",
        label: "address_limit",
        headers: [("Retry-After", "5")]
    )
    public static let pollingLimit = Refusal(
        503,
        "This process holds as many long-polling sessions as PARLEY_MAX_POLLING_SESSIONS allows",
        label: "polling_limit",
        headers: [("Retry-After", "5")]
    )
    public static let pollingAddressLimit = Refusal(
        429,
        "Too many long-polling sessions from this address: PARLEY_MAX_POLLING_SESSIONS_PER_ADDRESS",
        label: "polling_address_limit",
        headers: [("Retry-After", "5")]
    )
    public static let notFound = Refusal(404, "Not found", label: "not_found")
    /// On the front door.
    public static let unknownPath = Refusal(
        404,
        "Not found: WebSocket is spoken at /, /ws, /channels, /events and /relay/{topic}; /healthz says whether the server lives",
        label: "not_found"
    )
    /// An address of an HTTP API that takes other methods.
    public static func wrongMethod(allowed methods: [String]) -> Refusal {
        let list = methods.dropLast().joined(separator: ", ")
        let text = list.isEmpty ? methods.joined() : "\(list) or \(methods.last ?? "")"
        return Refusal(
            405,
            "Expected \(text) here",
            label: "wrong_method",
            headers: [("Allow", methods.joined(separator: ", "))]
        )
    }
    /// What a library has refused.
    public static func other(status: Int) -> Refusal {
        Refusal(
            status,
            status == 413 ? "The request body is too large" : "The request cannot be answered",
            label: "other"
        )
    }
    public static let requestLineTooLong = Refusal(
        414,
        "The request line exceeds 8192 bytes",
        label: "limits"
    )
    public static let headersTooLarge = Refusal(
        431,
        "The header block exceeds 16384 bytes (65536 at session backends) or 100 fields",
        label: "limits"
    )
    public static let requestTimeout = Refusal(
        408,
        "The request did not arrive in time: PARLEY_HEADER_TIMEOUT, PARLEY_FRAME_TIMEOUT",
        label: "timeout"
    )
    public static let bodyTooLarge = Refusal(
        413,
        "The request body is larger than this address takes",
        label: "limits"
    )
    /// A refused upgrade to Socket.IO: status and message are those that its clients know, the message alone is the body.
    public static func socketIO(status: Int, message: String) -> Refusal {
        Refusal(status, message, label: "socket_io", isBare: true)
    }

    public static let internalError = Refusal(500, "Internal error", label: "internal_error")

    /// Every row, in the order of the printed table.
    public static let all: [Refusal] = [
        .badRequest, .bareLineFeed, .repeatedHost, .badHost, .badTarget, .ambiguousLength, .notAHandshake,
        .disposableParameters,
        .relayTopic, .badToken,
        .relayToken, .gatewayTokenRequired, .gatewayTokenInvalid, .originNotAccepted, .relayClosed,
        .notFound, .unknownPath, .methodNotAllowed, .requestTimeout, .bodyTooLarge,
        .requestLineTooLong, .unknownExpectation, .unsupportedVersion, .upgradeRequired, .addressLimit,
        .pollingAddressLimit, .headersTooLarge, .internalError,
        .unknownMethod, .unknownTransferCoding, .tooManyRooms, .connectionLimit, .pollingLimit, .gatewayUnavailable,
        .shuttingDown,
        .unsupportedHTTPVersion,
    ]
}
