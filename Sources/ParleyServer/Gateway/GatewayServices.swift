internal import NIOCore
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel

/// What the parts of the event gateway share.
struct GatewayServices: Sendable {
    let configuration: GatewayConfiguration
    let sessions: any SessionStore
    let chat: any ChatProvider
    let live: any GatewayLiveConnections
    let wallTime: @Sendable () -> WallTime
}

/// The gateway's connections, as its REST API needs them.
protocol GatewayLiveConnections: Sendable {
    /// Ends every connection of a session.
    func end(session token: String) async
    /// - Parameter data: One JSON value.
    func emit(event: String, data: ByteBuffer, session: String?, user: String?) async
    var activeConnections: Int { get }
}
