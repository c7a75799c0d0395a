/// The CORS headers of long-polling requests (Fetch standard, *CORS protocol*), as npm's `cors` gives them.
public struct CrossOriginPolicy: Sendable {
    public enum Origin: Sendable {
        /// `*`.
        case any
        /// Always this one, whatever the request's.
        case fixed(String)
        /// The request's own when the predicate says so.
        case allowed(@Sendable (String) -> Bool)

        /// The request's own if it is one of these.
        public static func list(_ origins: some Sequence<String>) -> Origin {
            let origins = Set(origins)
            return .allowed { origins.contains($0) }
        }
    }

    public var origin: Origin
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

    /// The fields of every answer to a request from `origin`.
    package func headers(for origin: String?) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        switch self.origin {
        case .any:
            headers.append(("Access-Control-Allow-Origin", "*"))
        case .fixed(let fixed):
            headers.append(("Access-Control-Allow-Origin", fixed))
            headers.append(("Vary", "Origin"))
        case .allowed(let isAllowed):
            if let origin, isAllowed(origin) { headers.append(("Access-Control-Allow-Origin", origin)) }
            headers.append(("Vary", "Origin"))
        }
        if self.allowsCredentials { headers.append(("Access-Control-Allow-Credentials", "true")) }
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
