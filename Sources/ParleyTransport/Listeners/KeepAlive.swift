internal import Foundation
package import NIOCore

/// TCP keep-alive: a peer that went away without a word, because its power or its network did, is noticed although nothing is
/// sent to it (RFC 9293 §3.8.4).
///
/// After half of the time without a word from the peer it is asked, four times, an eighth of the time apart.
public struct KeepAlive: Sendable, Hashable {
    private static let probes = 4

    /// Seconds after which a silent peer is given up.
    public var seconds: Int

    /// - Parameter seconds: At least 8, at most a day.
    public init(seconds: Int = 120) {
        self.seconds = min(max(8, seconds), 86_400)
    }

    var idleSeconds: Int { self.seconds / 2 }
    var intervalSeconds: Int { self.seconds / (2 * Self.probes) }

    /// Asks the kernel for it; of a listener, for all that it accepts. Where it does not know how, connections work all the same.
    package func apply(to channel: any Channel) {
        guard let options = channel.syncOptions else { return }
        func set(_ level: NIOBSDSocket.OptionLevel, _ name: NIOBSDSocket.Option, _ value: Int) {
            try? options.setOption(ChannelOptions.Types.SocketOption(level: level, name: name), value: value)
        }
        set(.socket, .so_keepalive, 1)
        #if os(Linux)
        set(.tcp, NIOBSDSocket.Option(rawValue: TCP_KEEPIDLE), self.idleSeconds)
        #else
        set(.tcp, NIOBSDSocket.Option(rawValue: TCP_KEEPALIVE), self.idleSeconds)
        #endif
        set(.tcp, NIOBSDSocket.Option(rawValue: TCP_KEEPINTVL), self.intervalSeconds)
        set(.tcp, NIOBSDSocket.Option(rawValue: TCP_KEEPCNT), Self.probes)
    }
}
