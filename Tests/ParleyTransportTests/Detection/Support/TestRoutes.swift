import NIOHTTP1

@testable import ParleyTransport

/// What a listener has, as a test says it.
struct TestRoutes: FrontDoorRoutes {
    var taker: @Sendable (UpgradeRequest) -> Route = { _ in .http }
    var bodyBytes: @Sendable (UpgradeRequest) -> Int? = { _ in nil }

    func route(_ request: UpgradeRequest) -> Route { self.taker(request) }
    func maximumBodyBytes(of request: UpgradeRequest) -> Int? { self.bodyBytes(request) }
    func crossOriginFields(for head: HTTPRequestHead) -> [(name: String, value: String)] { [] }
}
