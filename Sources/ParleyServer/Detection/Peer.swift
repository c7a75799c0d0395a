internal import NIOCore

/// The other end of a connection: looked at once, however many requests come from it.
final class Peer: Sendable {
    let address: SocketAddress
    /// As people write it, see ``NIOCore/SocketAddress/clientIP``.
    let ip: String?

    init(_ address: SocketAddress) {
        self.address = address
        self.ip = address.clientIP
    }
}
