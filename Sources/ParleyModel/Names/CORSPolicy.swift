/// Which pages of other origins may read answers, and with whose cookies (Fetch standard, *CORS protocol*): the one set of rules
/// for all HTTP of a server, whose headers are those of npm's `cors`.
///
/// Cookies and passwords of the browser (*credentials*) go with an origin that is named, never with `*`: browsers refuse that pair,
/// and it would let any page use whatever a cookie opens.
public struct CORSPolicy: Sendable {
    public enum Origin: Sendable {
        /// `*`, without credentials.
        case any
        /// Always this one, whatever the request's.
        case fixed(String)
        /// The request's own when the predicate says so. One that says so of any origin undoes what is said of `*` above.
        case allowed(@Sendable (String) -> Bool)

        /// The request's own if it is one of these; `*` among them is ``any``.
        public static func list(_ origins: some Sequence<String>) -> Origin { .list(OriginList(origins)) }

        package static func list(_ origins: OriginList) -> Origin {
            origins.admitsAny ? .any : .allowed { origins.admits($0) }
        }
    }

    public var origin: Origin
    /// Whether browsers may send credentials from an origin that is named.
    public var allowsCredentials: Bool
    public var methods = "GET,HEAD,PUT,PATCH,POST,DELETE"
    /// `nil`: what the preflight request asks for.
    public var allowedHeaders: [String]?
    public var exposedHeaders: [String] = []
    /// Seconds that a browser may remember the answer; `nil`: as it likes.
    public var maximumAge: Int?
    /// The status of answers to preflight requests.
    public var preflightStatus = 204

    public init(_ origin: Origin, allowsCredentials: Bool = false) {
        self.origin = origin
        self.allowsCredentials = allowsCredentials
    }

    /// For these origins: with credentials where they are named.
    package init(_ origins: OriginList) {
        self.init(.list(origins), allowsCredentials: !origins.admitsAny)
    }

    /// Whether credentials are asked for that no origin gets.
    package var expectsCredentialsInVain: Bool {
        if case .any = self.origin { return self.allowsCredentials }
        return false
    }

    /// The fields of every answer to a request from `origin`.
    package func headers(for origin: String?) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        var isNamed = false
        switch self.origin {
        case .any:
            headers.append(("Access-Control-Allow-Origin", "*"))
        case .fixed(let fixed):
            headers.append(("Access-Control-Allow-Origin", fixed))
            headers.append(("Vary", "Origin"))
            isNamed = true
        case .allowed(let isAllowed):
            if let origin, isAllowed(origin) {
                headers.append(("Access-Control-Allow-Origin", origin))
                isNamed = true
            }
            // Also where nothing is allowed: a cache must not give that answer to somebody who is.
            headers.append(("Vary", "Origin"))
        }
        if self.allowsCredentials, isNamed { headers.append(("Access-Control-Allow-Credentials", "true")) }
        if !self.exposedHeaders.isEmpty {
            headers.append(("Access-Control-Expose-Headers", self.exposedHeaders.joined(separator: ",")))
        }
        return headers
    }

    /// What a preflight request is answered with beyond ``headers(for:)``.
    package func preflightHeaders(requested: String?) -> [(name: String, value: String)] {
        var headers = [(name: "Access-Control-Allow-Methods", value: self.methods)]
        if let allowedHeaders {
            headers.append(("Access-Control-Allow-Headers", allowedHeaders.joined(separator: ",")))
        } else {
            headers.append(("Vary", "Access-Control-Request-Headers"))
            if let requested { headers.append(("Access-Control-Allow-Headers", requested)) }
        }
        if let maximumAge { headers.append(("Access-Control-Max-Age", "\(maximumAge)")) }
        return headers
    }
}
