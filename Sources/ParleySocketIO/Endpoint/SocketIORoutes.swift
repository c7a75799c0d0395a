internal import NIOHTTP1
internal import ParleyTransport

/// A port that has nothing but servers of a program, told apart by their paths.
struct SocketIORoutes: FrontDoorRoutes {
    let endpoints: [EngineEndpoint]

    func route(_ request: UpgradeRequest) -> Route {
        self.endpoints.first { EngineEndpoint.claims(path: request.path, configuration: $0.host.configuration) }
            .map { .exchange($0) } ?? .http
    }

    func maximumBodyBytes(of request: UpgradeRequest) -> Int? { nil }

    /// Servers of Socket.IO say themselves which pages may read them.
    func crossOriginFields(for head: HTTPRequestHead) -> [(name: String, value: String)] { [] }
}
