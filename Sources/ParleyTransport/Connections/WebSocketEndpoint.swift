package import NIOCore
package import ParleyModel
package import WebSocketProtocol

/// A place where WebSocket connections of one dialect are accepted.
package protocol WebSocketEndpoint: Sendable {
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
package struct NowhereEndpoint: WebSocketEndpoint {
    package init() {}

    package func refusal(for request: UpgradeRequest) -> Refusal? { .notFound }
    package func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission { .refuse(.notFound) }
}

extension WebSocketEndpoint {
    package var dialect: DialectName? { nil }
    package var compression: PerMessageDeflatePolicy? { nil }
    package func refusal(for request: UpgradeRequest) -> Refusal? { nil }
}
