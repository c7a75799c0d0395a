internal import NIOCore
internal import NIOHTTP1
internal import ParleyDialects
internal import ParleyModel
internal import ParleyText
internal import ParleyTransport

/// Disposable chat: `/ws?name=&room=`.
struct DisposableChatEndpoint: WebSocketEndpoint {
    let profile: ConnectionProfile
    var dialect: DialectName? { self.profile.dialect }
    let configuration: DisposableChatConfiguration
    let origins: AcceptedOrigins

    /// The order of the original: parameters, then the handshake's headers, then the origin.
    func refusal(for request: UpgradeRequest) -> Refusal? {
        if Self.parameters(of: request) == nil { return .disposableParameters }
        if let refusal = request.handshakeRefusal { return refusal }
        return self.origins.accepts(request.header("Origin")) ? nil : .originNotAccepted
    }

    func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission {
        guard let parameters = Self.parameters(of: request) else { return .refuse(.disposableParameters) }
        let dialect = DisposableChatDialect(parameters: parameters, configuration: self.configuration)
        return .accept(Acceptance(profile: self.profile, dialect: dialect))
    }

    private static func parameters(of request: UpgradeRequest) -> DisposableChatParameters? {
        DisposableChatParameters(name: request.query["name"], room: request.query["room"])
    }
}

/// Which values of `Origin` may connect. Source: disposable chat specification, *Connection*.
struct AcceptedOrigins: Sendable, Equatable {
    private let entries: [String]
    /// Whether pages of this machine may connect, whatever port they come from.
    private let admitsLocal: Bool

    /// - Parameter setting: Comma-separated; an entry with `://` is a whole origin, one without is a host, with or without
    ///   port; `*` admits all. Empty admits only requests without an Origin.
    init(setting: String, admitsLocal: Bool = false) {
        self.entries = setting.split(separator: ",").map(\.asciiLowercased).map { String($0.trimmingWhiteSpace) }
            .filter { !$0.isEmpty }.map { (try? OriginList.canonical($0)) ?? $0 }
        self.admitsLocal = admitsLocal
    }

    func accepts(_ origin: String?) -> Bool {
        if self.entries.contains("*") { return true }
        // Whoever makes a page of this machine welcome has not closed the door on programs.
        guard let origin = origin?.asciiLowercased, !origin.isEmpty else { return self.entries.isEmpty }
        if self.admitsLocal, OriginList.isLocal(origin) { return true }
        return self.entries.contains { entry in
            if entry.contains("://") { return entry.hasSameBytes(as: origin) }
            guard let scheme = origin.firstIndex(of: ":"), origin[scheme...].hasPrefix("://") else { return false }
            let authority = origin[scheme...].dropFirst(3)
            let host = Self.host(of: authority)
            if entry.hasSameBytes(as: authority) || entry.hasSameBytes(as: host) { return true }
            // Browsers leave the scheme's own port out.
            let usual = ["http": ":80", "https": ":443"][String(origin[..<scheme])]
            return host.endIndex == authority.endIndex && usual.map { entry.hasSameBytes(as: authority + $0) } ?? false
        }
    }

    private static func host(of authority: Substring) -> Substring {
        // An IPv6 literal has colons of its own.
        guard let colon = authority.lastIndex(of: ":"), authority[colon...].allSatisfy({ $0 != "]" }) else {
            return authority
        }
        return authority[..<colon]
    }
}
