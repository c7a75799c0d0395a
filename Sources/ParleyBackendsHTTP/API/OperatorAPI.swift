internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyHTTP
internal import ParleyModel

/// What Plane's controller has no words for: all backends of this server, whoever's they are. Behind the gate of `/ctrl`.
/// Source: docs/session-backends.md, "Operating".
struct OperatorAPI: Sendable {
    let api: BackendsAPI

    private var supervisor: BackendSupervisor { self.api.services.supervisor }

    func register(on group: RouterGroup<APIContext>) {
        group.get("b") { request, _ in
            let account = request.parameter("account")
            let backends = self.supervisor.live().filter { account == nil || $0.service?.account == account }
            return Self.json(
                JSONObjectWriter.object { $0.write("backends", json: self.api.list(backends, isForOperator: true)) }
            )
        }
        group.get("b/:id") { _, context in
            await self.api.planeAnswer { () throws(BackendFailure) in
                let backend = try self.supervisor.info(try BackendsAPI.backend(context))
                return Self.json(self.api.describe(backend, isForOperator: true))
            }
        }
        group.get("b/:id/logs/stream") { _, context in
            await self.api.planeAnswer { () throws(BackendFailure) in
                try self.api.outputStream(of: try BackendsAPI.backend(context))
            }
        }
        group.get("b/:id/metrics/stream") { _, context in
            await self.api.planeAnswer { () throws(BackendFailure) in
                try self.api.useStream(of: try BackendsAPI.backend(context))
            }
        }
        for (path, isDraining) in [("drain", true), ("undrain", false)] {
            group.post(RouterPath(path)) { _, _ in
                await self.api.planeAnswer { () throws(BackendFailure) in try await self.drain(isDraining) }
            }
        }
    }

    private func drain(_ isDraining: Bool) async throws(BackendFailure) -> Response {
        var nodes: [ByteBuffer] = []
        // Others have operators of their own.
        for listed in try await self.supervisor.nodes() where listed.node.name == self.api.services.node {
            let isNew = try await self.supervisor.drain(listed.node.name, isDraining) ?? false
            nodes.append(
                JSONObjectWriter.object { writer in
                    writer.write("name", listed.node.name)
                    writer.write("updated", isNew)
                }
            )
        }
        return Self.json(JSONObjectWriter.object { $0.write("nodes", json: BackendJSON.array(nodes)) })
    }

    private static func json(_ body: ByteBuffer) -> Response { .json(body, headers: BackendsAPI.openToAll) }
}
