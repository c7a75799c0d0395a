internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyHTTP
internal import ParleyModel
internal import ParleyText

/// The API of Plane's controller: `/ctrl` for programs that are trusted, `/pub` for everybody.
/// Source: docs/session-backends.md, "Plane".
struct PlaneAPI: Sendable {
    let api: BackendsAPI

    private var services: BackendsServices { self.api.services }
    private var supervisor: BackendSupervisor { self.api.services.supervisor }

    /// Whether a path is of this API, whatever is there.
    static func claims(_ path: String) -> Bool {
        let first = path.split(ascii: "/").first
        return first == "ctrl" || first == "pub"
    }

    func register(on router: Router<APIContext>) {
        self.registerPublic(on: router.group("pub"))
        self.registerControl(on: router.group("ctrl"))
    }

    private func answer(_ body: () async throws(BackendFailure) -> Response) async -> Response {
        await self.api.planeAnswer(body)
    }

    private static func json(_ body: ByteBuffer) -> Response { .json(body, headers: BackendsAPI.openToAll) }

    // MARK: Public

    private func registerPublic(on group: RouterGroup<APIContext>) {
        group.get("health") { _, _ in Self.json(ByteBuffer(string: "{\"status\":\"ok\"}")) }
        for prefix in ["b/:id", "c/:cluster/b/:id"] {
            group.get(RouterPath(prefix + "/status")) { _, context in
                await self.answer { () throws(BackendFailure) in
                    try self.checkCluster(context)
                    let state = try self.supervisor.info(try BackendsAPI.backend(context)).state
                    return Self.json(BackendJSON.planeState(state))
                }
            }
            group.get(RouterPath(prefix + "/status-stream")) { request, context in
                await self.answer { () throws(BackendFailure) in
                    try self.checkCluster(context)
                    return try self.stream(try BackendsAPI.backend(context), after: request.headers[.lastEventID])
                }
            }
        }
    }

    /// - Parameter last: The id of the last event that the client has: a status.
    private func stream(_ id: BackendID, after last: String?) throws(BackendFailure) -> Response {
        let states = try self.supervisor.states(of: id)
        let last = last.flatMap { BackendStatus(rawValue: $0) }
        // So that browsers stop asking.
        if last == .terminated { return Response(status: .noContent, headers: BackendsAPI.openToAll) }
        let permit = try self.services.streamLimits.take(.states, of: id)
        return EventStream.response(states, keepAlive: ":\n\n", permit: permit) { state in
            if let last, state.status <= last { return nil }
            return EventStream.data(BackendJSON.planeState(state), id: state.status.rawValue)
        }
    }

    // MARK: Trusted

    private func registerControl(on group: RouterGroup<APIContext>) {
        let group = group.add(middleware: ControlGate(services: self.services))
        group.get("status") { _, _ in
            Self.json(
                JSONObjectWriter.object { writer in
                    writer.write("status", "ok")
                    writer.write("version", self.services.configuration.version)
                    writer.write("hash", "")
                }
            )
        }
        group.post("connect") { request, _ in
            await self.answer { () throws(BackendFailure) in try await self.connect(request) }
        }
        for prefix in ["", "c/:cluster/"] {
            for (path, kind) in [("soft-terminate", TerminationKind.soft), ("hard-terminate", .hard)] {
                group.post(RouterPath("\(prefix)b/:id/\(path)")) { _, context in
                    await self.answer { () throws(BackendFailure) in
                        try self.checkCluster(context)
                        let id = try BackendsAPI.backend(context)
                        // Ending what has ended is fine here.
                        if try self.supervisor.info(id).state.status != .terminated {
                            try self.supervisor.terminate(id, kind)
                        }
                        return Self.json(ByteBuffer(string: "null"))
                    }
                }
            }
            group.post(RouterPath("\(prefix)b/revoke")) { request, context in
                await self.answer { () throws(BackendFailure) in
                    try self.checkCluster(context)
                    let fields = try await Self.fields(of: request)
                    guard let text = try fields.string("backend_id"), let user = try fields.string("user"),
                        let id = BackendID(text)
                    else { throw .invalidRequest("Expected backend_id and user, both strings") }
                    let count = try self.supervisor.revoke(id, user: user)
                    return Self.json(ByteBuffer(string: "\"Revoked \(count) tokens\""))
                }
            }
        }
        for (path, isDraining) in [("drain", true), ("undrain", false)] {
            group.post(RouterPath("c/:cluster/d/:drone/\(path)")) { _, context in
                await self.answer { () throws(BackendFailure) in
                    try self.checkCluster(context)
                    let drone = context.parameters.get("drone") ?? ""
                    guard let updated = try await self.supervisor.drain(drone, isDraining) else { throw .notFound }
                    return Self.json(JSONObjectWriter.object { $0.write("updated", updated) })
                }
            }
        }
        OperatorAPI(api: self.api).register(on: group)
        group.get("c/:cluster/state") { _, context in
            await self.answer { () throws(BackendFailure) in
                try self.checkCluster(context)
                return Self.json(try await self.clusterState())
            }
        }
    }

    /// Others are elsewhere. Routes that name none are for all.
    private func checkCluster(_ context: APIContext) throws(BackendFailure) {
        guard let text = context.parameters.get("cluster") else { return }
        guard let name = PercentEncoding.decode(text[...]), self.services.isOwn(cluster: name) else { throw .notFound }
    }

    private static func fields(of request: Request) async throws(BackendFailure) -> BackendFields {
        let type = request.headers[.contentType]?.lowercased().prefix { $0 != ";" } ?? ""
        guard type.split(separator: " ").first == "application/json" else { throw .unsupportedMediaType }
        return try BackendFields(try await BackendsAPI.body(of: request))
    }

    private func connect(_ request: Request) async throws(BackendFailure) -> Response {
        let order = try self.order(try await Self.fields(of: request))
        let result = try await self.supervisor.connect(order)
        let authority = request.head.authority ?? ""
        return Self.json(
            JSONObjectWriter.object { writer in
                writer.write("backend_id", result.backend.text)
                writer.write("spawned", result.isSpawned)
                writer.write("status", result.status.rawValue)
                writer.write("token", result.token)
                writer.write("url", self.services.url(of: result, authority))
                writer.write("subdomain", json: result.subdomain.map { ByteBuffer(string: "\"\($0)\"") })
                writer.write("secret_token", json: result.secretToken.map { ByteBuffer(string: "\"\($0)\"") })
                writer.write("status_url", "\(self.services.apiURL(authority))/pub/b/\(result.backend)/status")
                // Where it was put, for whoever has had it put there.
                writer.write("drone", json: result.isSpawned ? ByteBuffer(string: "\"\(result.node)\"") : nil)
            }
        )
    }

    private func order(_ fields: BackendFields) throws(BackendFailure) -> ConnectOrder {
        var order = ConnectOrder()
        (order.user, order.auth) = try ConnectBody.identity(fields)
        if let key = try fields.object("key") {
            guard let name = try key.string("name"), !name.isEmpty else {
                throw .invalidRequest("key.name: expected 1 to \(ConnectBody.maximumKeyCharacters) characters")
            }
            try ConnectBody.check(key: name, "key.name")
            for field in ["namespace", "tag"] { try ConnectBody.check(key: try key.string(field), "key.\(field)") }
            // A scope that no service has.
            order.key = BackendKey(scope: BackendKey.planeScope(try key.string("namespace") ?? ""), name: name)
            order.tag = try key.string("tag") ?? ""
        }
        order.scope = BackendKey.planeScope()
        guard let config = try fields.object("spawn_config") else { return order }
        if let cluster = try config.string("cluster"), !self.services.isOwn(cluster: cluster) { throw .invalidCluster }
        order.pool = try config.string("pool") ?? ""
        guard let executable = try config.object("executable") else {
            throw .invalidRequest("spawn_config.executable: expected an object")
        }
        var spawn = SpawnOrder(try self.program(executable))
        if let text = try config.string("id") {
            guard let id = BackendID(text) else {
                throw .invalidRequest("spawn_config.id: expected 1 to 45 characters of a-z, 0-9 and -")
            }
            spawn.id = id
        }
        spawn.environment = try ConnectBody.environment(try executable.object("env"))
        spawn.limits = try SpawnBody.limits(executable)
        if let text = try executable.string("pull_policy") {
            guard let policy = PullPolicy(rawValue: text) else {
                throw .invalidRequest("spawn_config.executable.pull_policy: expected Always, IfNotPresent or Never")
            }
            spawn.pullPolicy = policy
        }
        spawn.mount = try SpawnBody.mount(executable)
        // Directories of services and of keys begin so, and no others.
        if case .path(let path) = spawn.mount, let first = path.split(ascii: "/").first,
            first.utf8.contains(UInt8(ascii: "%")) || first == "~"
        {
            throw .invalidRequest(
                "spawn_config.executable.mount: expected no '%' and no '~' in the first part of the path"
            )
        }
        spawn.lifetime = try config.seconds("lifetime_limit_seconds")
        spawn.maximumIdle = try config.seconds("max_idle_seconds")
        spawn.usesStaticToken = try config.bool("use_static_token") ?? false
        spawn.subdomain = try config.string("subdomain")
        if let subdomain = spawn.subdomain, !Self.isLabel(subdomain) {
            throw .invalidRequest("spawn_config.subdomain: expected letters, digits and inner hyphens")
        }
        order.spawn = spawn
        return order
    }

    private func program(_ executable: BackendFields) throws(BackendFailure) -> BackendService.Program {
        if executable.kind("command") != nil {
            guard self.services.configuration.allowsInlineCommands else {
                throw .invalidRequest(
                    "spawn_config.executable.command: not allowed here; BACKENDS_ALLOW_INLINE_COMMANDS governs it"
                )
            }
            guard let command = try executable.strings("command"), !command.isEmpty else {
                throw .invalidRequest("spawn_config.executable.command: expected a list of strings")
            }
            return .command(command)
        }
        guard let image = try executable.string("image") else {
            throw .invalidRequest("spawn_config.executable.image: expected a string")
        }
        guard let program = self.services.catalogue.executables[ExactString(image)] else { throw .imageNotFound }
        return program
    }

    /// RFC 1035 §2.3.1, and digits first (RFC 1123 §2.1).
    private static func isLabel(_ text: String) -> Bool {
        let bytes = text.utf8
        return (1...63).contains(bytes.count) && bytes.first != UInt8(ascii: "-") && bytes.last != UInt8(ascii: "-")
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || $0 == "-" || ("0"..."9").contains($0))
            }
    }

    private func clusterState() async throws(BackendFailure) -> ByteBuffer {
        let nodes = try await self.supervisor.nodes()
        func description(_ kind: String, _ name: String) -> ByteBuffer {
            JSONObjectWriter.object { writer in
                writer.write("name", object: { $0.write(kind, name) })
                writer.write("plane_version", self.services.configuration.version)
                writer.write("plane_hash", "")
                writer.write("controller", self.services.controller)
                writer.write("controller_heartbeat_age", 0)
            }
        }
        let drones = nodes.map { listed in
            JSONObjectWriter.object { writer in
                // Others are not listed.
                writer.write("ready", true)
                writer.write("draining", listed.isDraining)
                writer.write("last_heartbeat_age", 0)
                writer.write("backend_count", listed.node.liveBackends)
                writer.write("node", json: description("Drone", listed.node.name))
            }
        }
        let proxies = nodes.map { description("Proxy", "px-" + $0.node.name.dropFirst(3)) }
        return JSONObjectWriter.object { writer in
            writer.write("drones", json: BackendJSON.array(drones))
            writer.write("proxies", json: BackendJSON.array(proxies))
        }
    }
}

extension HTTPField.Name {
    fileprivate static let lastEventID = HTTPField.Name("Last-Event-ID")!
}

/// Lets trusted programs pass.
private struct ControlGate: RouterMiddleware {
    typealias Context = APIContext

    let services: BackendsServices

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        switch self.services.configuration.control {
        case .loopback:
            return self.services.isHere(request, context) ? try await next(request, context) : Self.unauthorized
        case .closed:
            return Self.unauthorized
        case .token(let token):
            let given = AuthorizationField.bearer(request.headers[.authorization]) ?? ""
            return ConstantTime.areEqual(given, token) ? try await next(request, context) : Self.unauthorized
        case .forward(let url):
            let isAllowed: Bool
            do {
                isAllowed = try await ForwardAuthorization(url: url).isAllowed(
                    method: request.method.rawValue,
                    path: Self.pathBehindControl(request.uri.path),
                    headers: request.headers.map { ($0.name.rawName, $0.value) }
                )
                self.services.authorizerAnswers(nil)
            } catch {
                self.services.authorizerAnswers(ErrorText.of(error))
                return .text(.badGateway, "Bad Gateway")
            }
            return isAllowed ? try await next(request, context) : Self.unauthorized
        }
    }

    /// Without `/ctrl`, and without the empty parts that routing does not see either.
    private static func pathBehindControl(_ path: String) -> String {
        "/" + path.split(ascii: "/").dropFirst().joined(separator: "/")
    }

    private static var unauthorized: Response { .text(.unauthorized, "Unauthorized") }
}
