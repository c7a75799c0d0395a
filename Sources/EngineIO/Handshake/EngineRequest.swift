/// The head of an HTTP request as Engine.IO looks at it.
public struct EngineRequest: Sendable {
    public enum Method: Sendable, Equatable { case get, post, options, other }

    public var method: Method
    public var query: EngineQuery
    /// Whether it asks for an upgrade to WebSocket.
    public var isUpgrade: Bool
    public var origin: String?

    public init(method: Method, query: EngineQuery, isUpgrade: Bool, origin: String?) {
        self.method = method
        self.query = query
        self.isUpgrade = isUpgrade
        self.origin = origin
    }

    /// What a request is for, once it has passed the checks.
    public enum Purpose: Sendable, Equatable {
        /// A new session; the policy hook and, after it, the revision are still to be asked (``revisionRefusal(_:)``).
        case open(EngineConfiguration.Transport)
        case poll
        case post
        /// A WebSocket for a session that polls.
        case upgrade
        /// A method that a live session has no use for: refused, and the session goes on.
        case unsupportedMethod
    }

    /// The checks that need nothing but the request and its session, in the order of the reference.
    /// - Parameter current: The transport of the session named by `sid`; `nil` when there is none.
    public func purpose(
        _ configuration: EngineConfiguration,
        current: EngineConfiguration.Transport?
    ) throws(EngineRefusal) -> Purpose {
        guard let transport = self.query.transport, configuration.transports.contains(transport) else {
            throw .transportUnknown
        }
        if let origin = self.origin, !Self.isHeaderText(origin) { throw .badRequest }
        if self.query.sessionID != nil {
            guard let current else { throw .sessionUnknown }
            if self.isUpgrade {
                guard transport == .webSocket, configuration.allowsUpgrades || current == .webSocket else {
                    throw .badRequest
                }
                return .upgrade
            }
            guard transport == current, transport == .polling else { throw .badRequest }
            switch self.method {
            case .get: return .poll
            case .post: return .post
            case .options, .other: return .unsupportedMethod
            }
        }
        guard self.method == .get else { throw .badHandshakeMethod }
        guard self.isUpgrade == (transport == .webSocket) else { throw .badRequest }
        return .open(transport)
    }

    /// Asked last, after the policy hook.
    public func revisionRefusal(_ configuration: EngineConfiguration) -> EngineRefusal? {
        self.query.revision == .three && !configuration.allowsRevision3 ? .unsupportedRevision : nil
    }

    /// RFC 9110 §5.5: what a field value may hold.
    private static func isHeaderText(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy {
            $0 == "\t" || (0x20...0x7E).contains($0.value) || (0x80...0xFF).contains($0.value)
        }
    }
}
