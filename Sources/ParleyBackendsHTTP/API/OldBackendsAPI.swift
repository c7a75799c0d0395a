internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyHTTP
internal import ParleyModel

/// The first API, which older libraries and one command of their command line still speak. Source: docs/session-backends.md, "v1".
struct OldBackendsAPI: Sendable {
    let api: BackendsAPI

    private var supervisor: BackendSupervisor { self.api.services.supervisor }

    func register(on group: RouterGroup<APIContext>) {
        group.post("user/:account/service/:service/spawn") { request, context in
            await self.api.answer { () throws(BackendFailure) in try await self.spawn(request, context) }
        }
        group.get("backend/:id/status") { _, context in
            await self.api.answer { () throws(BackendFailure) in
                let id = try BackendsAPI.backend(context)
                let history = OldBackendState.history(try self.supervisor.info(id).states)
                return .json(BackendJSON.oldState(history[history.count - 1], of: id), headers: BackendsAPI.openToAll)
            }
        }
        group.get("backend/:id/status/stream") { _, context in
            await self.api.answer { () throws(BackendFailure) in
                let id = try BackendsAPI.backend(context)
                let states = Self.translated(try self.supervisor.states(of: id))
                let permit = try self.api.services.streamLimits.take(.states, of: id)
                return EventStream.response(states, keepAlive: "\n", permit: permit) {
                    EventStream.data(BackendJSON.oldState($0, of: id))
                }
            }
        }
        group.post("backend/:id/terminate") { request, context in
            await self.api.answer { () throws(BackendFailure) in
                let backend = try self.api.ownBackend(request, context)
                try self.supervisor.terminate(backend.id, .hard)
                return .json(ByteBuffer(string: "{\"status\":\"ok\"}"), headers: BackendsAPI.openToAll)
            }
        }
        group.get("backend/:id") { request, context in
            await self.api.answer { () throws(BackendFailure) in
                .json(self.api.describe(try self.api.ownBackend(request, context)), headers: BackendsAPI.openToAll)
            }
        }
        for path in ["backend/:id/logs", "backend/:id/logs/stream"] {
            group.get(RouterPath(path)) { request, context in
                await self.api.answer { () throws(BackendFailure) in
                    try self.api.outputStream(of: try self.api.ownBackend(request, context).id)
                }
            }
        }
        group.get("backend/:id/metrics/stream") { request, context in
            await self.api.answer { () throws(BackendFailure) in
                try self.api.useStream(of: try self.api.ownBackend(request, context).id)
            }
        }
        group.get("user/:account/services") { request, context in
            await self.api.answer { () throws(BackendFailure) in try self.api.serviceNames(request, context) }
        }
        group.get("user/:account/service/:service") { request, context in
            await self.api.answer { () throws(BackendFailure) in try self.api.describeService(request, context) }
        }
        group.get("user/:account/backends") { request, context in
            await self.api.answer { () throws(BackendFailure) in try self.api.listBackends(request, context) }
        }
        for path in ["user/:account/service", "user/:account/service/:service", "user/:account/service/:service/image"]
        {
            for method in [HTTPRequest.Method.post, .delete] {
                group.on(RouterPath(path), method: method) { _, _ in
                    await self.api.answer { () throws(BackendFailure) in throw .notImplemented }
                }
            }
        }
    }

    private func spawn(_ request: Request, _ context: APIContext) async throws(BackendFailure) -> Response {
        var name = try BackendsAPI.service(context)
        try self.api.authorize(request, for: name.account)
        let bytes = try await BackendsAPI.body(of: request)
        let fields = bytes.readableBytes > 0 ? try BackendFields(bytes) : nil
        if fields?.kind("require_bearer_token") == .bool, try fields?.bool("require_bearer_token") == true {
            throw .invalidRequest("require_bearer_token: not offered; the URL of a backend has its token")
        }
        let environment = try fields?.string("service_environment").flatMap { $0.isEmpty ? nil : $0 }
        try ConnectBody.check(key: environment, "service_environment")
        name.environment = environment
        name = try BackendsAPI.checked(name)
        let body = try ConnectBody(old: fields)
        let result = try await self.supervisor.connect(try self.api.order(name, body))
        let authority = request.head.authority ?? ""
        let base = self.api.services.apiURL(authority)
        return .json(
            JSONObjectWriter.object { writer in
                writer.write("name", result.backend.text)
                writer.write("backend_id", result.backend.text)
                writer.write("url", self.api.services.url(of: result, authority))
                writer.write("status_url", "\(base)/backend/\(result.backend)/status")
                writer.write("ready_url", "\(base)/ready/\(result.backend)/\(result.token)/")
                writer.write("spawned", result.isSpawned)
                writer.write("status", OldBackendState.live(result.status).rawValue)
                writer.write("token", result.token)
                writer.write("secret_token", json: result.secretToken.map { ByteBuffer(string: "\"\($0)\"") })
            },
            headers: BackendsAPI.openToAll
        )
    }

    /// Each state once, in the words of this API.
    private static func translated(_ states: AsyncStream<BackendState>) -> AsyncStream<OldBackendState> {
        let (stream, feed) = AsyncStream.makeStream(of: OldBackendState.self)
        let pump = Task {
            var seen: [BackendState] = []
            var count = 0
            for await state in states {
                seen.append(state)
                let history = OldBackendState.history(seen)
                for state in history[count...] { feed.yield(state) }
                count = history.count
            }
            feed.finish()
        }
        feed.onTermination = { _ in pump.cancel() }
        return stream
    }
}

extension ConnectBody {
    /// From the body of a spawn of v1.
    fileprivate init(old fields: BackendFields?) throws(BackendFailure) {
        try self.init(ByteBuffer())
        guard let fields else { return }
        self.key = try fields.string("lock").flatMap { $0.isEmpty ? nil : $0 }
        try Self.check(key: self.key, "lock")
        var spawn = SpawnBody()
        spawn.tag = try fields.string("tag")
        spawn.environment = try Self.environment(try fields.object("env"))
        spawn.maximumIdle = try fields.seconds("grace_period_seconds")
        self.spawning = .with(spawn)
    }
}
