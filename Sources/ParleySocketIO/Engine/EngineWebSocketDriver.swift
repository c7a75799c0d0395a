package import NIOCore
package import ParleyHub
package import ParleyModel

/// The WebSocket of an Engine.IO connection, as the connection sees it. Confined to its event loop.
///
/// It carries a session from its beginning, or probes first and takes one over.
package protocol EngineWebSocketDriver: ConnectionDelegate {
    /// Sends one text message while it probes, outside of the hub.
    func sendProbe(_ text: ByteBuffer)
    /// From now on it serves the hub's connection: what is sent there comes to ``ConnectionDelegate/write(_:messages:skipping:)``.
    func attach(_ connection: Connection)
    /// Sends a close frame, and ends the transport when the client has answered or has not in time.
    func close(_ reason: CloseReason)
    /// Bytes that have not reached the kernel.
    var bufferedBytes: Int { get }
    /// The format that its compression asks for.
    var formatKind: SocketIOFormats.Kind { get }
}
