internal import Logging
internal import NIOCore
package import ParleyBackends
internal import ParleyHub
internal import ParleyModel
internal import ParleyText
internal import ParleyTransport
internal import Synchronization

/// What APIs and proxy of the session backends share.
package final class BackendsServices: Sendable {
    /// Where this process listens, once it does.
    private struct Ports: Sendable {
        var proxy: Int?
    }

    let configuration: BackendsConfiguration
    let catalogue: BackendCatalogue
    package let supervisor: BackendSupervisor
    let node: String
    /// This process, as what decides.
    var controller: String { "co-" + self.node.dropFirst("dr-".count) }
    let isSecure: Bool
    let state: ServerState
    let wallTime: @Sendable () -> WallTime
    let logger: Logger
    let startedAt: WallTime
    /// By which the server is called besides `localhost`; without ports, in lower case.
    let ownHosts: Set<String>
    /// The name below which backends have theirs, if there is one.
    let cluster: Authority?
    let resumeBudget = ResumeBudget()
    /// What waits in the proxy counts with all that waits in the process.
    let ledger: MemoryLedger
    let streamLimits = StreamLimits()
    private let ports = Mutex(Ports())
    private let isAuthorizerSilent = Mutex(false)

    init(
        _ configuration: BackendsConfiguration,
        catalogue: BackendCatalogue,
        supervisor: BackendSupervisor,
        node: String,
        isSecure: Bool,
        state: ServerState,
        ledger: MemoryLedger,
        wallTime: @escaping @Sendable () -> WallTime,
        logger: Logger
    ) {
        self.configuration = configuration
        self.catalogue = catalogue
        self.supervisor = supervisor
        self.node = node
        self.isSecure = isSecure
        self.state = state
        self.ledger = ledger
        self.wallTime = wallTime
        self.logger = logger
        self.startedAt = wallTime()
        self.cluster = configuration.cluster.map { Authority($0) }
        let authority = configuration.publicAPIURL?.split(separator: "/").dropFirst().first
        let names = [
            configuration.host.map { $0.contains(":") ? "[\($0)]" : $0 }, configuration.cluster,
            authority.map(String.init),
        ]
        self.ownHosts = Set(names.compactMap { $0.map { Authority($0).host } })
    }

    /// The path of backends on a port that others use, too.
    package static let sharedPrefix = "/b"

    /// Says it once when the program behind BACKENDS_FORWARD_AUTH stops answering, and once when it answers again.
    /// - Parameter trouble: Why there is no answer; `nil`: there is one.
    func authorizerAnswers(_ trouble: String?) {
        let changes = self.isAuthorizerSilent.withLock { isSilent in
            defer { isSilent = trouble != nil }
            return isSilent != (trouble != nil)
        }
        guard changes else { return }
        if let trouble {
            self.logger.error(
                "BACKENDS_FORWARD_AUTH does not answer: requests to /ctrl are answered with 502",
                metadata: ["reason": "\(trouble)"]
            )
        } else {
            self.logger.notice("BACKENDS_FORWARD_AUTH answers again")
        }
    }

    package func listening(proxyPort: Int?) { self.ports.withLock { $0.proxy = proxyPort } }

    /// The name by which programs of other systems know where backends run.
    var clusterName: String { self.configuration.cluster ?? "localhost" }

    /// Whether a request that asks for a cluster means this one: by its name, or where it has none by an address of its proxy.
    func isOwn(cluster: String) -> Bool {
        if cluster == self.clusterName { return true }
        guard self.configuration.cluster == nil, let port = self.ports.withLock({ $0.proxy }) else { return false }
        let asked = Authority(cluster)
        return asked.port == port && ["localhost", "127.0.0.1", "[::1]"].contains(asked.host)
    }

    // MARK: URLs

    /// A Host header goes into URLs, and those into pages.
    private static func checked(_ authority: String) -> String {
        let isHost =
            !authority.isEmpty
            && authority.utf8.allSatisfy { $0.isASCIIAlphanumeric || ".-:[]".utf8.contains($0) }
        return isHost ? authority : "localhost"
    }

    private var scheme: String { self.isSecure ? "https" : "http" }

    /// Whether the server takes new work no more.
    var isShuttingDown: Bool { self.state.isDraining }

    /// Where a client that asked at `authority` finds the API.
    func apiURL(_ authority: String) -> String {
        self.configuration.publicAPIURL ?? "\(self.scheme)://\(Self.checked(authority))"
    }

    /// Where it finds a backend.
    func url(of result: ConnectResult, _ authority: String) -> String {
        self.url(token: result.token, of: result.backend, at: result.subdomain, authority)
    }

    func url(of route: BackendRoute, _ authority: String) -> String {
        self.url(token: route.token, of: route.backend, at: route.subdomain, authority)
    }

    private func url(token: String, of backend: BackendID, at subdomain: String?, _ authority: String) -> String {
        "\(self.proxyURL(backend, subdomain, authority))/\(token)/"
    }

    private func proxyURL(_ backend: BackendID, _ subdomain: String?, _ authority: String) -> String {
        if let cluster = self.configuration.cluster {
            // A port means that nobody stands before us and speaks TLS.
            let isPlain = self.cluster?.port.map { $0 != 443 } ?? false
            let label = subdomain ?? (self.configuration.urlStyle == .subdomain ? backend.text : nil)
            return "\(isPlain ? "http" : "https")://\(label.map { $0 + "." } ?? "")\(cluster)"
        }
        let asked = Authority(Self.checked(authority))
        guard let port = self.ports.withLock({ $0.proxy }) else {
            return "\(self.scheme)://\(Self.checked(authority))\(Self.sharedPrefix)"
        }
        return "\(self.scheme)://\(subdomain.map { $0 + "." } ?? "")\(asked.host):\(port)"
    }
}

/// A host and perhaps a port, as in a Host header.
struct Authority: Sendable, Hashable {
    /// With brackets where it is an address of IPv6.
    let host: String
    let port: Int?

    init(_ text: some StringProtocol) {
        let afterBrackets = text.lastIndex(of: "]").map { text[text.index(after: $0)...] } ?? text[...]
        if let colon = afterBrackets.lastIndex(of: ":"),
            let port = Int(afterBrackets[afterBrackets.index(after: colon)...])
        {
            self.host = text[..<colon].lowercased()
            self.port = port
        } else {
            self.host = text.lowercased()
            self.port = nil
        }
    }
}
