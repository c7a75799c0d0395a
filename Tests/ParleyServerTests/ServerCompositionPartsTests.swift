import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ParleyBackends
import ParleyBackendsHTTP
import ParleyGateway
import ParleyHTTPTesting
import ParleyHub
import ParleyModel
import Testing

@testable import ParleyHTTP
@testable import ParleyServer
@testable import ParleyTransport

/// Tests of `ServerComposition+Parts.swift`: what every listener has where.
@Suite struct ServerCompositionPartsTests {
    typealias Kind = ServerConfiguration.Listener.Kind

    /// Runs `body` with a server that has everything, and listens nowhere.
    private func withComposition(_ body: (ServerComposition) async throws -> Void) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var configuration = ServerConfiguration { WallTime(milliseconds: 0) }
        configuration.corsOrigin = "http://general.test"
        configuration.sessionChat.corsOrigin = "http://issuer.test"
        configuration.sessionChat.authenticator = MemoryAuthenticator()
        configuration.channelServer.path = "/own/channels"
        configuration.gateway.corsOrigins = ["http://gateway.test"]
        configuration.gateway.adminToken = "open sesame"
        configuration.backends.catalogue = BackendCatalogue()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let composition = try await ServerComposition(configuration, eventLoops: [loop], logger: logger)
        do {
            try await body(composition)
        } catch {
            await composition.backends?.shutDown()
            throw error
        }
        await composition.backends?.shutDown()
    }

    struct Place: Sendable {
        let kind: Kind
        let path: String
        let part: ListenerPart.Name
        var methods: Set<String> = []
        /// Of POST.
        var body: Int? = nil
        /// Whose pages may read what is said here.
        let pages: String

        init(
            _ kind: Kind,
            _ path: String,
            _ part: ListenerPart.Name,
            _ methods: Set<String> = [],
            body: Int? = nil,
            for pages: String
        ) {
            self.kind = kind
            self.path = path
            self.part = part
            self.methods = methods
            self.body = body
            self.pages = pages
        }
    }

    private static let reads: Set = ["GET", "HEAD"]
    private static let small = 16 * 1024

    private static let places: [Place] = [
        Place(.frontDoor, "/", .sessionChat, for: "general"),
        Place(.frontDoor, "/nothing", .operations, for: "general"),
        Place(.frontDoor, "/health", .operations, reads, for: "general"),
        Place(.frontDoor, "/healthz", .operations, reads, for: "general"),
        Place(.frontDoor, "/readyz", .operations, reads, for: "general"),
        Place(.frontDoor, "/metrics", .operations, reads, for: "general"),
        Place(.frontDoor, "/relay/room", .relay, for: "general"),
        Place(.frontDoor, "/channels", .channelServer, for: "general"),
        Place(.frontDoor, "/own/channels", .channelServer, for: "general"),
        Place(.frontDoor, "/ws", .disposableChat, for: "general"),
        Place(.frontDoor, "/api", .issuing, for: "issuer"),
        Place(.frontDoor, "/api/nothing", .issuing, for: "issuer"),
        Place(.frontDoor, "/api/login", .issuing, ["POST"], body: small, for: "issuer"),
        Place(.frontDoor, "/api/rooms/7", .issuing, reads, for: "issuer"),
        Place(.frontDoor, "/api/emit", .gateway, ["POST"], body: 256 * 1024, for: "gateway"),
        Place(.frontDoor, "/api/auth/session", .gateway, reads, for: "gateway"),
        Place(.frontDoor, "/api/auth/logout", .gateway, ["POST"], body: small, for: "gateway"),
        Place(.frontDoor, "/websocket-info", .gateway, reads, for: "gateway"),
        Place(.frontDoor, "/api-docs", .gateway, reads, for: "gateway"),
        Place(.frontDoor, "/socket.io", .gatewaySockets, for: "gateway"),
        Place(.frontDoor, "/v2/service/a/b/connect", .backendsAPI, ["POST"], body: 2 << 20, for: "anybody"),
        Place(.frontDoor, "/v2/backend/a/terminate", .backendsAPI, ["POST"], body: small, for: "anybody"),
        Place(.frontDoor, "/v1/user/a/services", .backendsAPI, reads, for: "anybody"),
        Place(.frontDoor, "/ctrl/connect", .backendsAPI, ["POST"], body: 2 << 20, for: "anybody"),
        Place(.frontDoor, "/pub/nothing", .backendsAPI, for: "anybody"),
        Place(.frontDoor, "/user/a/services", .operations, for: "general"),
        Place(.frontDoor, "/b/token/x", .backendsProxy, for: "nobody"),
        Place(
            .frontDoor,
            "/@connections/x",
            .channelManagement,
            ["GET", "HEAD", "POST", "DELETE"],
            body: 131_072,
            for: "general"
        ),
        Place(
            .frontDoor,
            "/v2/%40connections/x",
            .channelManagement,
            ["GET", "HEAD", "POST", "DELETE"],
            body: 131_072,
            for: "general"
        ),
        Place(.frontDoor, "/connections", .channelManagement, reads, for: "general"),
        Place(.frontDoor, "/@connections", .operations, for: "general"),

        Place(.channelServer, "/", .channelServer, for: "general"),
        Place(.channelServer, "/health", .channelServer, reads, for: "general"),
        Place(.channelServer, "/connections", .channelManagement, reads, for: "general"),
        Place(.channelServer, "/api/login", .channelServer, for: "general"),
        Place(.disposableChat, "/health", .disposableChat, reads, for: "nobody"),
        Place(.disposableChat, "/ws", .disposableChat, for: "nobody"),
        Place(.issuer, "/api/login", .issuing, ["POST"], body: small, for: "issuer"),
        Place(.issuer, "/health", .operations, reads, for: "general"),
        Place(.gateway, "/", .gateway, reads, for: "gateway"),
        Place(.gateway, "/ws", .gateway, for: "gateway"),
        Place(.gateway, "/health/db", .gateway, reads, for: "gateway"),
        Place(.gateway, "/api/emit", .gateway, ["POST"], body: 256 * 1024, for: "gateway"),
        Place(.gatewaySockets, "/any", .gatewaySockets, for: "gateway"),
        Place(.backendsAPI, "/v2/service/a/b/connect", .backendsAPI, ["POST"], body: 2 << 20, for: "anybody"),
        Place(.backendsAPI, "/user/a/services", .backendsAPI, reads, for: "anybody"),
        Place(.backendsAPI, "/nothing", .backendsAPI, for: "anybody"),
        Place(.backendsAPI, "/b/token/x", .backendsProxy, for: "nobody"),
        Place(.backendsProxy, "/token/x", .backendsProxy, for: "nobody"),
    ]

    private func pages(_ routes: ListenerRoutes, _ path: String) -> String {
        let names = ["general", "issuer", "gateway"].filter { name in
            var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path)
            head.headers.add(name: "Origin", value: "http://\(name).test")
            return routes.crossOriginFields(for: head).contains { $0.name == "Access-Control-Allow-Origin" }
        }
        switch names.count {
        case 0: return "nobody"
        case 1: return names[0]
        default: return "anybody"
        }
    }

    @Test("Every path is somebody's, however its slashes are written")
    func places() async throws {
        try await self.withComposition { composition in
            for (kind, places) in Dictionary(grouping: Self.places, by: \.kind) {
                let (routes, _) = composition.api(for: kind)
                for expected in places {
                    // Where an upgrade goes is told by every byte.
                    let isExact = ["/own/channels", "/ws"].contains(expected.path)
                    let spellings = [expected.path, expected.path + "/", "/" + expected.path]
                    for path in isExact ? [expected.path] : spellings {
                        let place = routes.place(at: path[...])
                        #expect(place.part.name == expected.part, "\(kind) \(path)")
                        #expect(place.methods == expected.methods, "\(kind) \(path)")
                        #expect(place.maximumBodyBytes(for: .POST) == expected.body, "\(kind) \(path)")
                        #expect(self.pages(routes, path) == expected.pages, "\(kind) \(path)")
                    }
                }
            }
        }
    }

    // MARK: Requests

    /// Who takes a request, in a word.
    private func taker(_ routes: ListenerRoutes, _ target: String, isHandshake: Bool) -> String {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target)
        if isHandshake {
            head.headers.add(name: "Connection", value: "Upgrade")
            head.headers.add(name: "Upgrade", value: "websocket")
        }
        switch routes.route(UpgradeRequest(head: head, peer: nil)) {
        case .http: return "http"
        case .proxy: return "proxy"
        case .exchange(let endpoint): return "exchange of " + (endpoint.dialect?.rawValue ?? "nothing")
        case .webSocket(let endpoint): return endpoint.dialect?.rawValue ?? "nothing"
        }
    }

    /// The target, who takes a plain request for it, and who a handshake.
    private static let requests: [(kind: Kind, target: String, plain: String, handshake: String)] = [
        (.frontDoor, "/?token=x", "http", DialectName.sessionChat.rawValue),
        (.frontDoor, "/anything", "http", DialectName.sessionChat.rawValue),
        (.frontDoor, "/relay", DialectName.relay.rawValue, DialectName.relay.rawValue),
        (.frontDoor, "/relay/room?EIO=4", DialectName.relay.rawValue, DialectName.relay.rawValue),
        (.frontDoor, "/relays", "http", DialectName.sessionChat.rawValue),
        (.frontDoor, "/channels", DialectName.channelServer.rawValue, DialectName.channelServer.rawValue),
        (.frontDoor, "/own/channels", "http", DialectName.channelServer.rawValue),
        (.frontDoor, "/events", DialectName.eventGateway.rawValue, DialectName.eventGateway.rawValue),
        (.frontDoor, "/ws", DialectName.disposableChat.rawValue, DialectName.disposableChat.rawValue),
        (.frontDoor, "/ws?token=x", DialectName.eventGateway.rawValue, DialectName.eventGateway.rawValue),
        (
            .frontDoor, "/ws?token=x&name=a&room=b", DialectName.disposableChat.rawValue,
            DialectName.disposableChat.rawValue
        ),
        (.frontDoor, "/socket.io/", "exchange of socket-io", "exchange of socket-io"),
        (.frontDoor, "/any?EIO=4", "exchange of socket-io", "exchange of socket-io"),
        (.frontDoor, "/b/token/socket.io/?EIO=4", "proxy", "proxy"),
        (.frontDoor, "/b", "http", DialectName.sessionChat.rawValue),
        (.channelServer, "/any", "http", DialectName.channelServer.rawValue),
        (.disposableChat, "/ws", DialectName.disposableChat.rawValue, DialectName.disposableChat.rawValue),
        (.disposableChat, "/any", "http", "http"),
        (.issuer, "/any", "http", "http"),
        (.gateway, "/ws", "http", DialectName.eventGateway.rawValue),
        (.gateway, "/any", "http", "nothing"),
        (.gateway, "/socket.io/", "exchange of socket-io", "exchange of socket-io"),
        (.gatewaySockets, "/any", "http", DialectName.eventGateway.rawValue),
        (.gatewaySockets, "/socket.io/", "http", "exchange of socket-io"),
        (.gatewaySockets, "/any?EIO=4", "exchange of socket-io", "exchange of socket-io"),
        (.backendsAPI, "/b/token/", "proxy", "proxy"),
        (.backendsAPI, "/any", "http", "http"),
        (.backendsProxy, "/any", "proxy", "proxy"),
        (.backendsProxy, "*", "proxy", "proxy"),
    ]

    @Test("Every request is somebody's")
    func requests() async throws {
        try await self.withComposition { composition in
            for (kind, requests) in Dictionary(grouping: Self.requests, by: \.kind) {
                let (routes, _) = composition.api(for: kind)
                for expected in requests {
                    let plain = self.taker(routes, expected.target, isHandshake: false)
                    let handshake = self.taker(routes, expected.target, isHandshake: true)
                    #expect(plain == expected.plain, "\(kind) \(expected.target)")
                    #expect(handshake == expected.handshake, "\(kind) \(expected.target)")
                }
            }
        }
    }

    // MARK: Rules that hang on paths

    @Test(
        "No slash leads around the gate before session backends, which knows no token in development",
        arguments: ["/v2/service/-/-/connect", "/v1/user/-/service/-/spawn", "/ctrl/connect"]
    )
    func developmentGate(path: String) async throws {
        try await self.withComposition { composition in
            let (_, api) = composition.api(for: .frontDoor)
            for spelling in [path, "/" + path, path + "/", path.replacing("/", with: "//")] {
                let answer = try await Answer.of(api, .post, spelling, "{}", headers: [.origin: "http://evil.test"])
                #expect(answer.status == 403, "\(spelling): \(answer.line)")
            }
        }
    }
}
