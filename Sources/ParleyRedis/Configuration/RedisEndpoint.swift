/// One place where keys are: a server, a Redis Cluster, or a primary that sentinels know.
///
/// Written as
/// - `host`, `host:port`, `redis://[user[:password]@]host[:port][/database]`: a server, or any node of a cluster;
/// - `redis+cluster://[user[:password]@]host[:port][,host[:port]…]`: a cluster, of which several nodes are named;
/// - `redis+sentinel://[user[:password]@]host[:port][,host[:port]…]/name[/database]`: what the sentinels there call `name`.
///
/// `rediss`, `rediss+cluster` and `rediss+sentinel` mean TLS; `valkey` and `valkeys` are `redis` and `rediss`. The port is 6379 if
/// none is given, a sentinel's 26379. User and password are percent-encoded where they have other characters than letters, digits
/// and `-._~`.
package struct RedisEndpoint: Sendable, Hashable, CustomStringConvertible {
    package enum Topology: Sendable, Hashable {
        /// A server; also one node of a cluster, from which the others are learned.
        case server(RedisAddress)
        case cluster([RedisAddress])
        case sentinel([RedisAddress], name: String)
    }

    package static let defaultPort = 6379
    package static let defaultSentinelPort = 26379

    package var topology: Topology
    package var usesTLS: Bool
    package var credentials: RedisCredentials?
    /// A user whose password stands elsewhere; see ``RedisConfiguration/init(endpoints:secret:)``.
    package var userWithoutPassword: String?
    /// The number of the database, 0 if none is given; a cluster has no other.
    package var database: Int

    package init(
        _ topology: Topology,
        usesTLS: Bool = false,
        credentials: RedisCredentials? = nil,
        database: Int = 0
    ) {
        self.topology = topology
        self.usesTLS = usesTLS
        self.credentials = credentials
        self.database = database
    }

    /// As it would be written, without user and password: fit for logs.
    package var description: String {
        let secure = self.usesTLS ? "s" : ""
        let path = self.database == 0 ? "" : "/\(self.database)"
        switch self.topology {
        case .server(let address):
            return "redis\(secure)://\(address)\(path)"
        case .cluster(let addresses):
            return "redis\(secure)+cluster://\(Self.list(addresses))"
        case .sentinel(let addresses, let name):
            return "redis\(secure)+sentinel://\(Self.list(addresses))/\(name)\(path)"
        }
    }

    private static func list(_ addresses: [RedisAddress]) -> String {
        addresses.map(\.description).joined(separator: ",")
    }
}
