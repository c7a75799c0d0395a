internal import NIOHTTP1
internal import ParleyBackends

/// What a request is answered with when no backend answers it: all that the proxy itself ever says. Source:
/// docs/session-backends.md, "The proxy".
struct ProxyRefusal: Sendable, Equatable {
    let status: HTTPResponseStatus
    /// A sentence for whoever reads it, with the end of its line; empty where the status says all.
    let text: String
    let location: String?
    /// Seconds.
    let retryAfter: Int?

    private init(
        _ status: HTTPResponseStatus,
        _ sentence: String = "",
        location: String? = nil,
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.text = sentence.isEmpty ? "" : sentence + "\n"
        self.location = location
        self.retryAfter = retryAfter
    }

    // MARK: No refusals, but nobody else's answers

    static let ready = ProxyRefusal(.ok, "ready")

    static func redirect(to location: String) -> ProxyRefusal { ProxyRefusal(.movedPermanently, location: location) }

    // MARK: The request

    static let connect = ProxyRefusal(.notImplemented, "Expected another method than CONNECT")
    static let bodyOfUpgrade = ProxyRefusal(.badRequest, "Expected an upgrade without a body")
    static let otherCoding = ProxyRefusal(.notImplemented, "Expected Transfer-Encoding: chunked, or none")
    static let lossyFields = ProxyRefusal(.badRequest, "Expected header fields in UTF-8 behind a first request")

    // MARK: The session

    /// Nobody knows the token, or no more. Its answer is empty, as Plane's is.
    static let gone = ProxyRefusal(.gone)
    static let noToken = ProxyRefusal(.badRequest, "Expected the URL of a session, as connect gives it")
    private static let hosts = "Expected a Host that is BACKENDS_CLUSTER, or one name below it"
    static let noHost = ProxyRefusal(.badRequest, Self.hosts)
    static let otherCluster = ProxyRefusal(.forbidden, Self.hosts)
    static let otherHost = ProxyRefusal(
        .forbidden,
        "Expected the host that the session's URL has, as connect gives it"
    )

    // MARK: This process

    static let notReady = ProxyRefusal(.serviceUnavailable, "not ready")
    static let tooManyWait = ProxyRefusal(
        .serviceUnavailable,
        "As many requests wait for this session as may",
        retryAfter: 1
    )
    static let backlog = ProxyRefusal(
        .serviceUnavailable,
        "More waits in this process than PARLEY_PROCESS_BACKLOG_BYTES allows",
        retryAfter: 1
    )

    // MARK: The backend

    static let neverReady = ProxyRefusal(.gatewayTimeout, "The session has not become ready in 30 minutes")
    static let noConnection = ProxyRefusal(.badGateway, "The session's process takes no connection")
    static let noAnswer = ProxyRefusal(
        .badGateway,
        "The session's process has closed the connection before it answered"
    )
    static let otherProtocol = ProxyRefusal(
        .badGateway,
        "The session's process has gone over to a protocol that nobody had asked for"
    )

    /// Those of the whole answer, without what it says of the connection.
    func headers(date: String) -> HTTPHeaders {
        var headers = HTTPHeaders(ProxyHeaders.crossOrigin.map { ($0.name, $0.value) })
        headers.add(name: "Date", value: date)
        headers.add(name: "Server", value: ProxyHeaders.server)
        if let location { headers.add(name: "Location", value: location) }
        if let retryAfter { headers.add(name: "Retry-After", value: "\(retryAfter)") }
        if !self.text.isEmpty { headers.add(name: "Content-Type", value: "text/plain; charset=utf-8") }
        headers.add(name: "Content-Length", value: "\(self.text.utf8.count)")
        return headers
    }
}
