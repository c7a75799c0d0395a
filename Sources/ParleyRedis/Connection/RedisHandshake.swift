package import NIOCore
package import RESP

/// How a connection begins: one command after another, each when the one before it was answered.
///
/// `HELLO` says everything at once. A server or proxy that does not know it is greeted in the words of version 2.
package struct RedisHandshake: Sendable {
    package struct Plan: Sendable {
        package var protocolVersion = RESPVersion.three
        package var credentials: RedisCredentials?
        /// Credentials are for other servers, and said to this one only if it asks for some: sentinels mostly have none.
        package var authenticatesOnlyWhenAsked = false
        package var clientName = ""
        package var database = 0
        /// Whether a replica will not do. In a cluster it would lead on to its primary.
        package var needsPrimary = false

        package init() {}
    }

    package enum Action: Equatable {
        case write(ByteBuffer)
        case done(RedisServerIdentity)
        case fail(RedisError)
    }

    private enum Step: Equatable {
        case hello(authenticates: Bool)
        case authenticate
        case setName
        case select(RedisServerIdentity)
        case ended
    }

    private let plan: Plan
    private var step: Step

    package init(_ plan: Plan) {
        self.plan = plan
        self.step = .hello(authenticates: plan.credentials != nil && !plan.authenticatesOnlyWhenAsked)
    }

    /// What is said first.
    package var greeting: ByteBuffer {
        guard case .hello(let authenticates) = self.step else { return ByteBuffer() }
        let credentials = authenticates ? self.plan.credentials : nil
        let name = self.plan.clientName
        var bytes = ByteBuffer()
        let count = 1 + (credentials == nil ? 0 : 3) + (name.isEmpty ? 0 : 2)
        bytes.writeRESPCommand("HELLO", count: count) { writer in
            writer.write(self.plan.protocolVersion.rawValue)
            if let credentials {
                writer.write("AUTH" as StaticString)
                writer.write(credentials.user ?? "default")
                writer.write(credentials.password)
            }
            if !name.isEmpty {
                writer.write("SETNAME" as StaticString)
                writer.write(name)
            }
        }
        return bytes
    }

    package mutating func received(_ value: RESPValue) -> Action {
        switch self.step {
        case .hello(let authenticates):
            if let error = value.error { return self.refusedHello(error, authenticated: authenticates) }
            guard let identity = RedisServerIdentity(answer: value, protocolVersion: self.plan.protocolVersion) else {
                return self.fail(
                    .protocolViolation,
                    "the server has answered HELLO with something else than a greeting"
                )
            }
            if self.plan.needsPrimary, identity.role == .replica, identity.mode != .cluster {
                return self.fail(
                    .notPrimary,
                    "the server is a replica: expected the primary, which alone can be written to"
                )
            }
            return self.selectDatabase(identity)
        case .authenticate:
            if let error = value.error { return self.failAuthentication(error) }
            return self.setName()
        case .setName:
            // A name is for people; a server without the command is as good. Only one that wants a password is not.
            if let error = value.error, error.code == "NOAUTH" { return self.failAuthentication(error) }
            return self.selectDatabase(RedisServerIdentity(protocolVersion: .two))
        case .select(let identity):
            guard let error = value.error else {
                self.step = .ended
                return .done(identity)
            }
            return self.fail(
                .refused,
                "the server does not let us have database \(self.plan.database): \(error.shown)",
                reply: error
            )
        case .ended:
            return self.fail(.protocolViolation, "the server has answered a greeting twice")
        }
    }

    private mutating func refusedHello(_ error: RESPErrorReply, authenticated: Bool) -> Action {
        switch error.code {
        case "NOAUTH" where !authenticated && self.plan.credentials != nil:
            self.step = .hello(authenticates: true)
            return .write(self.greeting)
        case "NOAUTH", "WRONGPASS":
            return self.failAuthentication(error)
        case "ERR" where error.text.contains("max number of clients"), "NOPERM", "LOADING", "MASTERDOWN", "BUSY":
            return self.fail(.refused, "the server refuses the connection: \(error.shown)", reply: error)
        default:
            // It does not know HELLO, or not that version of the protocol.
            guard let credentials = self.plan.credentials, !self.plan.authenticatesOnlyWhenAsked else {
                return self.setName()
            }
            self.step = .authenticate
            var bytes = ByteBuffer()
            bytes.writeRESPCommand("AUTH", count: credentials.user == nil ? 1 : 2) { writer in
                if let user = credentials.user { writer.write(user) }
                writer.write(credentials.password)
            }
            return .write(bytes)
        }
    }

    private mutating func setName() -> Action {
        self.step = .setName
        var bytes = ByteBuffer()
        bytes.writeRESPCommand("CLIENT", count: 2) { writer in
            writer.write("SETNAME" as StaticString)
            writer.write(self.plan.clientName)
        }
        return .write(bytes)
    }

    private mutating func selectDatabase(_ identity: RedisServerIdentity) -> Action {
        guard self.plan.database != 0 else {
            self.step = .ended
            return .done(identity)
        }
        self.step = .select(identity)
        var bytes = ByteBuffer()
        bytes.writeRESPCommand("SELECT", count: 1) { $0.write(self.plan.database) }
        return .write(bytes)
    }

    private mutating func failAuthentication(_ error: RESPErrorReply) -> Action {
        let hint = "(REDIS_SECRET, or user and password in REDIS_ENDPOINT)"
        let sentence =
            self.plan.credentials == nil
            ? "the server asks for a password, and none is set \(hint)"
            : "the server does not accept the user and password that are set \(hint): \(error.shown)"
        return self.fail(.notAuthenticated, sentence, reply: error)
    }

    private mutating func fail(_ code: RedisError.Code, _ sentence: String, reply: RESPErrorReply? = nil) -> Action {
        self.step = .ended
        return .fail(RedisError(code, sentence, reply: reply))
    }
}
