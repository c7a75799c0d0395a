import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ParleyDialects
import ParleyHTTPTesting
import ParleyHub
import ParleyModel

@testable import ParleyGateway
@testable import ParleyHTTP
@testable import ParleyTransport

/// The REST API of the gateway's own port, without the port.
struct TestGateway: Sendable {
    /// 2026-01-01T00:00:00.000Z, always.
    static let now = WallTime(milliseconds: 1_767_225_600_000)
    static let adminToken = "open sesame"
    /// The client's address.
    static let clientIP = Answer.clientIP

    let services: GatewayServices
    let live = RecordingConnections()
    private let api: any HTTPAnswering

    init(
        sessions: any SessionStore = MemorySessionStore(),
        chat: any ChatProvider = ScriptedChat(pieces: ["Hello ", "there"]),
        _ configure: (inout GatewayConfiguration) -> Void = { _ in }
    ) {
        var configuration = GatewayConfiguration()
        configuration.adminToken = Self.adminToken
        configure(&configuration)
        self.services = GatewayServices(
            configuration: configuration,
            sessions: SessionDirectory(sessions),
            chat: chat,
            live: self.live,
            wallTime: { Self.now }
        )
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: GatewayFailures())
        let routes = GatewayAPI(services: self.services, events: ["echo", "ping"])
        routes.registerOwn(on: router)
        routes.registerShared(on: router)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let part = ListenerPart(
            name: .gateway,
            shape: .gateway,
            crossOrigin: CrossOriginRule(CORSPolicy.gateway(configuration)),
            maximumBodyBytes: { [configuration] in GatewayAPI.maximumBodyBytes(at: $0, configuration) }
        )
        let table = RouteTable(router.routes.map { ($0.method.rawValue, $0.path.description) })
        let listener = ListenerRoutes([part], table)
        self.api = CrossOriginAPI(api: RouterAPI(router, listener, logger: logger), routes: listener)
    }

    func send(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: String = "",
        headers: HTTPFields = [:]
    ) async throws -> Answer {
        try await Answer.of(self.api, method, path, body, headers: headers)
    }

    /// Keeps a session as if it had been acquired now.
    /// - Parameter lifetime: In milliseconds.
    func addSession(_ token: String, lifetime: Int64 = 60_000) async throws {
        let expiresAt = WallTime(milliseconds: Self.now.milliseconds + lifetime)
        try await self.services.sessions.create(
            GatewaySession(token: token, createdAt: Self.now, expiresAt: expiresAt)
        )
    }

    func session(_ token: String) async throws -> GatewaySession? {
        try await self.services.sessions.touch(token, now: Self.now)
    }
}

extension HTTPFields {
    static func bearer(_ token: String) -> HTTPFields { [.authorization: "Bearer \(token)"] }
    static var admin: HTTPFields { .bearer(TestGateway.adminToken) }
}
