/// Why a request is refused before it reaches a session: code and message as clients of the reference know them.
///
/// Source: Engine.IO server, *Checks, in this order, and their errors*.
public struct EngineRefusal: Error, Equatable, Sendable {
    public let code: Int
    public let message: String
    /// The HTTP status over polling.
    public let status: Int

    init(_ code: Int, _ message: String, status: Int = 400) {
        self.code = code
        self.message = message
        self.status = status
    }

    public static let transportUnknown = EngineRefusal(0, "Transport unknown")
    public static let sessionUnknown = EngineRefusal(1, "Session ID unknown")
    public static let badHandshakeMethod = EngineRefusal(2, "Bad handshake method")
    public static let badRequest = EngineRefusal(3, "Bad request")
    public static let unsupportedRevision = EngineRefusal(5, "Unsupported protocol version")

    /// The policy hook said no, perhaps in words of its own.
    public static func forbidden(_ message: String = "Forbidden") -> EngineRefusal {
        EngineRefusal(4, message, status: 403)
    }

    /// Every row with a fixed message, in the order of the codes.
    public static let all: [EngineRefusal] = [
        .transportUnknown, .sessionUnknown, .badHandshakeMethod, .badRequest, .forbidden(), .unsupportedRevision,
    ]

    /// The status over an upgrade request: 400 for every code but a refusal by policy.
    public var upgradeStatus: Int { self.status }
}
