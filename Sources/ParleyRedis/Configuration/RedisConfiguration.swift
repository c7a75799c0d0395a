package import NIOCore

/// How to reach Redis or Valkey, and how patiently.
package struct RedisConfiguration: Sendable {
    /// Topics are spread over them, in this order: a change of it moves topics.
    package var endpoints: [RedisEndpoint]
    /// For endpoints that use TLS.
    package var tls = RedisTLS()
    /// What servers list our connections as (`CLIENT SETNAME`). No spaces.
    package var clientName = "parley"
    /// 3 with a fallback to 2, or 2 alone.
    package var protocolVersion = RESPVersion.three

    /// Until a connection is made and the server has answered its greeting.
    package var connectTimeout = TimeAmount.seconds(5)
    /// Until the answer to what was sent; then nothing on that connection can be matched any more, and it is closed.
    package var commandTimeout = TimeAmount.seconds(5)
    /// How long a connection may hear nothing before it is asked for a sign of life.
    package var pingInterval = TimeAmount.seconds(2)
    /// How long a command waits for a connection before it fails unsent.
    package var holdTime = TimeAmount.seconds(5)
    package var backoff = RedisBackoff()

    /// Commands of one connection that wait to be sent or answered, and their bytes.
    package var maximumWaitingCommands = 65_536
    package var maximumWaitingBytes = 64 * 1024 * 1024
    /// How often one command follows a slot that has moved, or a script that is not there, before it fails.
    package var maximumRedirections = 8
    /// Until the next sentinel is asked, when one does not answer.
    package var sentinelTimeout = TimeAmount.seconds(1)
    /// How often sentinels are asked who is the primary.
    package var sentinelInterval = TimeAmount.seconds(1)

    package init(endpoints: [RedisEndpoint]) {
        self.endpoints = endpoints
    }

    /// Reads the settings `REDIS_ENDPOINT` and `REDIS_SECRET`.
    ///
    /// - Parameters:
    ///   - endpoints: See ``RedisEndpoint``; several are separated by commas.
    ///   - secret: The password for every endpoint that has none of its own in its URL.
    package init(endpoints: String, secret: String? = nil) throws(RedisEndpoint.Mistake) {
        self.init(
            endpoints: try RedisEndpoint.list(endpoints).map { endpoint in
                guard endpoint.credentials == nil, let secret, !secret.isEmpty else { return endpoint }
                var endpoint = endpoint
                endpoint.credentials = RedisCredentials(user: endpoint.userWithoutPassword, password: secret)
                return endpoint
            }
        )
    }
}

/// A version of the protocol.
package enum RESPVersion: Int, Sendable {
    case two = 2
    case three = 3
}

/// Whom to trust, and who to be, on endpoints with TLS.
package struct RedisTLS: Sendable, Hashable {
    /// A PEM file with the authorities that are trusted; `nil`: those of the system.
    package var authorities: String?
    /// PEM files with our own certificate and its key, for servers that ask for one.
    package var certificate: String?
    package var key: String?
    /// Whether the certificate must be for the host that was asked for. Without it anybody in between can read along who has any
    /// certificate of a trusted authority.
    package var verifiesHost = true

    package init() {}
}
