internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyHTTP
internal import ParleyModel

/// Services: what the configuration file says of them, in the words of those who make them by requests elsewhere.
extension BackendsAPI {
    func registerServices(on group: RouterGroup<APIContext>) {
        group.get("account/:account/services") { request, context in
            await self.answer { () throws(BackendFailure) in try self.serviceNames(request, context) }
        }
        group.get("service/:account/:service") { request, context in
            await self.answer { () throws(BackendFailure) in try self.describeService(request, context) }
        }
        group.get("service/:account/:service/images") { request, context in
            await self.answer { () throws(BackendFailure) in
                let name = try Self.service(context)
                try self.authorize(request, for: name.account)
                let service = try self.services.catalogue.service(name)
                return .json(
                    JSONObjectWriter.object { $0.write("images", json: BackendJSON.array(self.images(name, service))) },
                    headers: Self.openToAll
                )
            }
        }
        for path in [
            "account/:account/service", "service/:account/:service/delete", "service/:account/:service/update",
            "service/:account/:service/:environment/update",
        ] {
            group.post(RouterPath(path)) { _, _ in
                await self.answer { () throws(BackendFailure) in throw .notImplemented }
            }
        }
    }

    /// What other servers do with people and images.
    func registerForeign(on group: RouterGroup<APIContext>) {
        let paths: [(HTTPRequest.Method, String)] = [
            (.get, "service/:account/:service/image-name"), (.post, "cli-login"), (.post, "cli-login/:token/complete"),
            (.get, "cli-login/:token/status/stream"), (.post, "user-session/:id/delete"),
        ]
        for (method, path) in paths {
            group.on(RouterPath(path), method: method) { _, _ in
                await self.answer { () throws(BackendFailure) in throw .notImplemented }
            }
        }
    }

    func serviceNames(_ request: Request, _ context: APIContext) throws(BackendFailure) -> Response {
        let account = try Self.account(context)
        try self.authorize(request, for: account)
        return .json(
            JSONObjectWriter.object { $0.write("services", self.services.catalogue.serviceNames(of: account)) },
            headers: Self.openToAll
        )
    }

    func describeService(_ request: Request, _ context: APIContext) throws(BackendFailure) -> Response {
        let name = try Self.service(context)
        try self.authorize(request, for: name.account)
        let service = try self.services.catalogue.service(name)
        let environments = self.services.catalogue.environments(of: name)
        return .json(
            JSONObjectWriter.object { writer in
                writer.write("name", name.service)
                writer.write("account_name", name.account)
                // Since when this server knows it.
                writer.write("created_at", self.services.startedAt.iso8601)
                self.writeLastSpawn(of: name, anyEnvironment: true, to: &writer)
                writer.write("last_image_upload_time", json: nil)
                writer.write("last_image_digest", json: nil)
                writer.write("image_name", "\(name.account)/\(name.service)")
                writer.write(
                    "environments",
                    json: BackendJSON.array(environments.map { self.environment($0, of: name) })
                )
                writer.write("tags", service.tags.keys.sorted().map(\.text))
            },
            headers: Self.openToAll
        )
    }

    private func environment(_ environment: String?, of service: ServiceName) -> ByteBuffer {
        JSONObjectWriter.object { writer in
            writer.write("name", environment ?? "default")
            writer.write("image_tag", "")
            writer.write("cluster", self.services.clusterName)
            writer.write("created_at", self.services.startedAt.iso8601)
            let name = ServiceName(account: service.account, service: service.service, environment: environment)
            self.writeLastSpawn(of: name, anyEnvironment: false, to: &writer)
        }
    }

    private func writeLastSpawn(of name: ServiceName, anyEnvironment: Bool, to writer: inout JSONObjectWriter) {
        let last = self.services.supervisor.lastSpawn(of: name, anyEnvironment: anyEnvironment)
        if let last {
            writer.write("last_spawned_at", last.iso8601)
        } else {
            writer.write("last_spawned_at", json: nil)
        }
    }

    /// Builds by tag; when they were made is not known.
    private func images(_ name: ServiceName, _ service: BackendService) -> [ByteBuffer] {
        service.tags.keys.sorted().map(\.text).map { tag in
            JSONObjectWriter.object { writer in
                writer.write("repository", "\(name.account)/\(name.service)")
                writer.write("digest", "")
                writer.write("tag", tag)
                writer.write("upload_time", self.services.startedAt.iso8601)
            }
        }
    }
}
