/// Where a server listens: a host and a port.
package struct RedisAddress: Sendable, Hashable, CustomStringConvertible {
    /// A name or an address; IPv6 without brackets.
    package var host: String
    package var port: Int

    package init(_ host: String, _ port: Int) {
        self.host = host
        self.port = port
    }

    /// As settings and messages have it: `cache:6379`, `[::1]:6379`.
    package var description: String {
        self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
