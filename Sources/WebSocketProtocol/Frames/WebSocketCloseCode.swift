/// Why a connection is closed, as sent in the first two bytes of a close frame (RFC 6455 §7.4).
public struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt16

    @inlinable
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// The purpose of the connection is fulfilled.
    public static let normal = Self(rawValue: 1000)
    /// The server stops, or the browser leaves the page.
    public static let goingAway = Self(rawValue: 1001)
    public static let protocolError = Self(rawValue: 1002)
    /// A kind of message that this endpoint does not take, for example binary where only text is spoken.
    public static let unsupportedData = Self(rawValue: 1003)
    /// A message whose content does not fit its type, for example text that is not UTF-8.
    public static let invalidPayload = Self(rawValue: 1007)
    public static let policyViolation = Self(rawValue: 1008)
    public static let messageTooBig = Self(rawValue: 1009)
    /// Sent by clients only: the server did not agree to an extension the client cannot do without.
    public static let mandatoryExtension = Self(rawValue: 1010)
    public static let internalError = Self(rawValue: 1011)
    /// The server restarts; reconnect after a random delay (IANA registry, not in RFC 6455).
    public static let serviceRestart = Self(rawValue: 1012)
    /// The server is overloaded (IANA registry, not in RFC 6455).
    public static let tryAgainLater = Self(rawValue: 1013)

    /// Whether the code may stand in a close frame.
    ///
    /// 1005, 1006 and 1015 only describe locally what happened, 1004 and 1016–2999 have no meaning yet, 3000–3999
    /// belong to libraries and 4000–4999 to applications (RFC 6455 §7.4.1, §7.4.2).
    @inlinable
    public var isAllowedOnTheWire: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
