package import NIOCore

/// The other end of a connection: looked at once, however many requests come from it.
package final class Peer: Sendable {
    package let address: SocketAddress
    /// As people write it, see ``NIOCore/SocketAddress/clientIP``.
    package let ip: String?

    package init(_ address: SocketAddress) {
        self.address = address
        self.ip = address.clientIP
    }
}
