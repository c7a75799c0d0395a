internal import NIOCore
internal import ParleyModel
internal import WebSocketProtocol

/// A place where WebSocket connections of one dialect are accepted.
protocol WebSocketEndpoint: Sendable {
    /// What is spoken here, for the log; `nil`: nothing.
    var dialect: DialectName? { get }

    /// Compression offered to clients; `nil`: none.
    var compression: PerMessageDeflatePolicy? { get }

    /// What is wrong with the request apart from its being a handshake; asked first, also for plain requests.
    func refusal(for request: UpgradeRequest) -> Refusal?

    /// Called for a correct handshake only.
    func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission
}

/// Where nothing is: WebSocket at a path that has none.
struct NowhereEndpoint: WebSocketEndpoint {
    func refusal(for request: UpgradeRequest) -> Refusal? { .notFound }
    func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission { .refuse(.notFound) }
}

extension WebSocketEndpoint {
    var dialect: DialectName? { nil }
    var compression: PerMessageDeflatePolicy? { nil }
    func refusal(for request: UpgradeRequest) -> Refusal? { nil }
}
