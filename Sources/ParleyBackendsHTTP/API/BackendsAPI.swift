internal import HTTPTypes
package import Hummingbird
internal import Logging
internal import NIOCore
internal import ParleyBackends
package import ParleyHTTP
internal import ParleyHub
package import ParleyModel
internal import ParleyText

/// The HTTP APIs of session backends. Source: docs/session-backends.md.
package struct BackendsAPI: Sendable {
    let services: BackendsServices

    /// Bodies of requests, in bytes.
    package static let maximumBodyBytes = 2 << 20

    package init(
        services: BackendsServices
    ) {
        self.services = services
    }

    /// What a route reads of a body: those that start a backend take what it is to have, others a few words.
    package static func maximumBodyBytes(at path: RoutePath) -> Int {
        ["connect", "spawn"].contains(path.components.last) ? Self.maximumBodyBytes : 16 * 1024
    }

    /// Answers that pages of any origin may read.
    static let openToAll: HTTPFields = [.accessControlAllowOrigin: "*"]

    /// Paths of the API on a port that others use, too.
    package static func isShared(_ path: RoutePath) -> Bool {
        ["v1", "v2", "ctrl", "pub", "ready"].contains(path.first)
    }

    /// What every port with the API on it has.
    package func registerShared(on router: Router<APIContext>) {
        self.registerConnecting(on: router.group("v2"))
        self.registerBackends(on: router.group("v2"))
        self.registerServices(on: router.group("v2"))
        OldBackendsAPI(api: self).register(on: router.group("v1"))
        PlaneAPI(api: self).register(on: router)
        ReadyPage(api: self).register(on: router)
    }

    /// What the API's own port has besides.
    package func registerOwn(on router: Router<APIContext>) {
        OldBackendsAPI(api: self).register(on: router.group())
        self.registerAccounts(on: router.group())
        self.registerForeign(on: router.group())
    }

    // MARK: Answering

    /// Runs `body`, and turns its failure into an answer.
    func answer(_ body: () async throws(BackendFailure) -> Response) async -> Response {
        do throws(BackendFailure) {
            return try await body()
        } catch {
            return error.response(id: self.note(error))
        }
    }

    /// As ``answer(_:)``, in the words of Plane's controller.
    func planeAnswer(_ body: () async throws(BackendFailure) -> Response) async -> Response {
        do throws(BackendFailure) {
            return try await body()
        } catch {
            return error.planeResponse(id: self.note(error, status: error.planeStatus))
        }
    }

    /// A failure in the words of the API that was asked.
    func refusal(_ failure: BackendFailure, for request: Request) -> Response {
        if PlaneAPI.claims(request.uri.path) {
            return failure.planeResponse(id: self.note(failure, status: failure.planeStatus))
        }
        return failure.response(id: self.note(failure))
    }

    /// - Parameter status: What is answered; `nil`: what `/v2` answers.
    /// - Returns: What the failure is called in the log.
    package func note(_ failure: BackendFailure, status: Int? = nil) -> String {
        let id = Self.randomID()
        let status = status ?? failure.status
        // What anybody can ask for as often as they like is for those who look for it; what is our fault is for all.
        self.services.logger.log(
            level: status < 500 ? .debug : .warning,
            "A request to the backends' API was refused",
            metadata: ["id": "\(id)", "code": "\(failure.code)", "status": .stringConvertible(status)]
        )
        return id
    }

    private static func randomID() -> String {
        var random: any RandomNumberGenerator = SystemRandomNumberGenerator()
        return RandomIdentifier.base36(length: 14, using: &random)
    }

    static func body(of request: Request) async throws(BackendFailure) -> ByteBuffer {
        var request = request
        do { return try await request.collectBody(upTo: Self.maximumBodyBytes) } catch { throw .tooLarge }
    }

    static func backend(_ context: APIContext) throws(BackendFailure) -> BackendID {
        guard let text = context.parameters.get("id"), let id = BackendID(text) else { throw .backendNotFound }
        return id
    }

    static func service(_ context: APIContext) throws(BackendFailure) -> ServiceName {
        let environment = try context.parameters.get("environment").map { text throws(BackendFailure) in
            try Self.decoded(text, "environment")
        }
        return try Self.checked(
            ServiceName(
                account: try Self.account(context),
                service: try Self.decoded(context.parameters.get("service"), "service"),
                environment: environment
            )
        )
    }

    static func account(_ context: APIContext) throws(BackendFailure) -> String {
        try Self.decoded(context.parameters.get("account"), "account")
    }

    private static func decoded(_ text: String?, _ name: String) throws(BackendFailure) -> String {
        guard let text, let part = PercentEncoding.decode(text[...]) else {
            throw .invalidRequest("\(name): expected UTF-8 behind percent signs")
        }
        return part
    }

    /// One service is not to be asked for by the name of another.
    static func checked(_ name: ServiceName) throws(BackendFailure) -> ServiceName {
        if let flaw = name.flaw { throw .invalidRequest(flaw) }
        return name
    }

    // MARK: Who asks

    /// - Throws: ``BackendFailure/unauthorized``, or ``BackendFailure/forbidden`` when the token is another account's.
    func authorize(_ request: Request, for account: String) throws(BackendFailure) {
        guard self.services.catalogue.mode == .production else { return }
        guard try self.accounts(of: request).contains(where: { $0.hasSameBytes(as: account) }) else { throw .forbidden }
    }

    func accounts(of request: Request) throws(BackendFailure) -> [String] {
        guard let token = AuthorizationField.bearer(request.headers[.authorization]) else { throw .unauthorized }
        let accounts = self.services.catalogue.accounts(of: token)
        guard !accounts.isEmpty else { throw .unauthorized }
        return accounts
    }

    /// A backend, for its owner.
    func ownBackend(_ request: Request, _ context: APIContext) throws(BackendFailure) -> BackendInfo {
        if self.services.catalogue.mode == .production { _ = try self.accounts(of: request) }
        let info = try self.services.supervisor.info(try Self.backend(context))
        if self.services.catalogue.mode == .production {
            // One that a controller has spawned is nobody's here.
            guard let account = info.service?.account else { throw .backendNotFound }
            try self.authorize(request, for: account)
        }
        return info
    }

    // MARK: Connecting

    private func registerConnecting(on group: RouterGroup<APIContext>) {
        for path in ["service/:account/:service/connect", "service/:account/:service/:environment/connect"] {
            group.post(RouterPath(path)) { request, context in
                await self.answer { () throws(BackendFailure) in
                    let service = try Self.service(context)
                    try self.authorize(request, for: service.account)
                    return try await self.connect(service, try ConnectBody(try await Self.body(of: request)), request)
                }
            }
        }
    }

    private func connect(
        _ name: ServiceName,
        _ body: ConnectBody,
        _ request: Request
    ) async throws(BackendFailure) -> Response {
        let result = try await self.services.supervisor.connect(try self.order(name, body))
        let authority = request.head.authority ?? ""
        return .json(self.connectAnswer(result, authority), headers: Self.openToAll)
    }

    func order(_ name: ServiceName, _ body: ConnectBody) throws(BackendFailure) -> ConnectOrder {
        let name = self.services.catalogue.canonical(name)
        let service = try self.services.catalogue.service(name)
        var order = ConnectOrder()
        order.scope = name.description
        order.key = body.key.map { BackendKey(scope: name.description, name: $0) }
        order.service = name
        order.user = body.user
        order.auth = body.auth
        var spawn = SpawnOrder(service)
        spawn.maximumIdle = service.maximumIdle ?? Self.defaultMaximumIdle
        switch body.spawning {
        case .never:
            return order
        case .asConfigured:
            break
        case .with(let wanted):
            if let cluster = wanted.cluster, !self.services.isOwn(cluster: cluster) { throw .invalidCluster }
            spawn.program = try self.services.catalogue.program(of: service, tag: wanted.tag)
            spawn.environment.merge(wanted.environment) { $1 }
            spawn.limits = wanted.limits.filled(from: service.limits)
            spawn.mount = wanted.mount.map { $0.within(name) }
            spawn.maximumIdle = wanted.maximumIdle ?? spawn.maximumIdle
            spawn.lifetime = wanted.lifetime ?? spawn.lifetime
        }
        order.spawn = spawn
        return order
    }

    /// Of backends whose service and request say nothing.
    private static let defaultMaximumIdle = TimeAmount.seconds(300)

    func connectAnswer(_ result: ConnectResult, _ authority: String) -> ByteBuffer {
        let api = self.services.apiURL(authority)
        let isDevelopment = self.services.catalogue.mode == .development
        return JSONObjectWriter.object { writer in
            writer.write("backend_id", result.backend.text)
            writer.write("spawned", result.isSpawned)
            writer.write("status", result.status.rawValue)
            writer.write("token", result.token)
            writer.write("url", self.services.url(of: result, authority))
            if let secret = result.secretToken {
                writer.write("secret_token", secret)
            } else {
                writer.write("secret_token", json: nil)
            }
            writer.write("status_url", "\(api)/v2/backend/\(result.backend)/status")
            writer.write("ready_url", isDevelopment ? "" : "\(api)/ready/\(result.backend)/\(result.token)/")
        }
    }

    // MARK: Backends

    private func registerBackends(on group: RouterGroup<APIContext>) {
        group.get("backend/:id/status") { _, context in
            await self.answer { () throws(BackendFailure) in
                let state = try self.services.supervisor.info(try Self.backend(context)).state
                return .json(BackendJSON.publicState(state), headers: Self.openToAll)
            }
        }
        group.get("backend/:id/status/stream") { _, context in
            await self.answer { () throws(BackendFailure) in
                let id = try Self.backend(context)
                let states = try self.services.supervisor.states(of: id)
                let permit = try self.services.streamLimits.take(.states, of: id)
                return EventStream.response(states, keepAlive: "\n", permit: permit) {
                    EventStream.data(BackendJSON.publicState($0))
                }
            }
        }
        group.post("backend/:id/terminate") { request, context in
            await self.answer { () throws(BackendFailure) in
                let backend = try self.ownBackend(request, context)
                let body = try await Self.body(of: request)
                let isHard = body.readableBytes > 0 ? try BackendFields(body).bool("hard") ?? false : false
                try self.services.supervisor.terminate(backend.id, isHard ? .hard : .soft)
                return .json(ByteBuffer(string: "{\"status\":\"ok\"}"), headers: Self.openToAll)
            }
        }
        group.get("backend/:id") { request, context in
            await self.answer { () throws(BackendFailure) in
                .json(self.describe(try self.ownBackend(request, context)), headers: Self.openToAll)
            }
        }
        // Older command lines leave the second part out.
        for path in ["backend/:id/logs/stream", "backend/:id/logs"] {
            group.get(RouterPath(path)) { request, context in
                await self.answer { () throws(BackendFailure) in
                    try self.outputStream(of: try self.ownBackend(request, context).id)
                }
            }
        }
        group.get("backend/:id/metrics/stream") { request, context in
            await self.answer { () throws(BackendFailure) in
                try self.useStream(of: try self.ownBackend(request, context).id)
            }
        }
        group.get("account/:account/backends") { request, context in
            await self.answer { () throws(BackendFailure) in try self.listBackends(request, context) }
        }
    }

    // MARK: Accounts

    private func registerAccounts(on group: RouterGroup<APIContext>) {
        group.get("auth") { request, _ in
            await self.answer { () throws(BackendFailure) in
                let isDevelopment = self.services.catalogue.mode == .development
                let accounts = isDevelopment ? ["-"] : try self.accounts(of: request)
                return .json(
                    JSONObjectWriter.object { writer in
                        writer.write("status", "ok")
                        writer.write("accounts", accounts)
                        writer.write("is_admin", false)
                    },
                    headers: Self.openToAll
                )
            }
        }
        group.post("service/:account/:service/terminate-backends") { request, context in
            await self.answer { () throws(BackendFailure) in
                let name = try Self.service(context)
                try self.authorize(request, for: name.account)
                return try self.terminate(backendsOf: name, try await Self.body(of: request))
            }
        }
    }

    private func terminate(backendsOf name: ServiceName, _ body: ByteBuffer) throws(BackendFailure) -> Response {
        let fields = body.readableBytes > 0 ? try BackendFields(body) : nil
        let before = try fields?.string("before").map { text throws(BackendFailure) in
            guard let time = WallTime(iso8601: text) else {
                throw .invalidRequest("before: expected a time like 2025-01-31T12:00:00Z")
            }
            return time
        }
        let isHard = try fields?.bool("hard") ?? false
        let isDryRun = try fields?.bool("dry_run") ?? false
        let backends = self.services.supervisor.live().filter { backend in
            guard let service = backend.service else { return false }
            return service.account.hasSameBytes(as: name.account) && service.service.hasSameBytes(as: name.service)
                && (before.map { backend.createdAt < $0 } ?? true)
        }
        var terminated = 0
        if !isDryRun {
            for backend in backends {
                // One that ends by itself in this moment has what it was to get.
                do throws(BackendFailure) {
                    try self.services.supervisor.terminate(backend.id, isHard ? .hard : .soft)
                    terminated += 1
                } catch {}
            }
        }
        return .json(
            JSONObjectWriter.object { writer in
                writer.write("backend_count", backends.count)
                writer.write("terminated_count", terminated)
                writer.write("is_complete", true)
            },
            headers: Self.openToAll
        )
    }
}

extension SpawnOrder.Mount {
    /// Below the service's own directory, so that services cannot share by accident.
    func within(_ service: ServiceName) -> SpawnOrder.Mount {
        switch self {
        case .key: return .key
        case .path(let path):
            return .path(PercentEncoding.encode(service.description) + "/" + path)
        }
    }
}
