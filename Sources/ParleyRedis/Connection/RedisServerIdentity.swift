package import RESP

/// What a server says of itself when it is greeted. What it does not say is `nil`.
package struct RedisServerIdentity: Sendable, Hashable {
    package enum Mode: String, Sendable {
        case standalone, cluster, sentinel
    }

    package enum Role: String, Sendable {
        case primary = "master"
        case replica
    }

    package var protocolVersion: RESPVersion
    /// `redis` or `valkey`. Valkey may be set to say the former.
    package var name: String?
    /// `7.0.15`. Valkey may be set to say the version of Redis that it is compatible with.
    package var version: String?
    /// Of this connection, as `CLIENT LIST` has it.
    package var clientID: Int64?
    package var mode: Mode?
    package var role: Role?

    package init(protocolVersion: RESPVersion) {
        self.protocolVersion = protocolVersion
    }

    /// - Parameter answer: To `HELLO`.
    /// - Returns: `nil` when it is no such answer.
    package init?(answer: RESPValue, protocolVersion: RESPVersion) {
        guard answer.pairs != nil, let version = answer["proto"]?.integer else { return nil }
        self.protocolVersion = RESPVersion(rawValue: Int(clamping: version)) ?? protocolVersion
        self.name = answer["server"]?.text.map(Self.bounded)
        self.version = answer["version"]?.text.map(Self.bounded)
        self.clientID = answer["id"]?.integer
        self.mode = answer["mode"]?.text.flatMap(Mode.init)
        self.role = answer["role"]?.text.flatMap { $0 == "slave" ? .replica : Role(rawValue: $0) }
    }

    /// The first number of the version; `nil` when there is none.
    package var majorVersion: Int? {
        self.version?.split(separator: ".").first.flatMap { Int($0) }
    }

    /// For log lines: letters, digits and points alone.
    private static func bounded(_ text: String) -> String {
        String(
            decoding: text.utf8.prefix(40).map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "?") },
            as: UTF8.self
        )
    }
}
