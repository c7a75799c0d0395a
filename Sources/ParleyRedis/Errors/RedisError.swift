internal import ParleyModel
package import RESP

/// What Redis could not do for us. Two errors are equal when their codes are.
package struct RedisError: SpokenError, Sendable, Equatable {
    /// What kind of error it is.
    package enum Code: String, Sendable, Hashable {
        /// No connection to the server: it does not listen, its name is unknown, or the connection broke.
        case connectionLost
        /// No TLS session, most often because the certificate is not trusted.
        case tlsFailed
        /// No answer in the configured time.
        case timedOut
        /// Too much waits already.
        case queueFull
        /// It is no server of Redis or Valkey, or one that breaks the rules of its protocol.
        case protocolViolation
        /// Wrong user or password, or none where one is needed.
        case notAuthenticated
        /// The server is a replica, where a primary is needed.
        case notPrimary
        /// The server has answered with an error; see ``RedisError/reply``.
        case refused
        /// A slot or a script went away as often as it was followed.
        case tooManyRedirections
        /// No node of the cluster, or no sentinel, knows who is responsible.
        case unavailable
        /// Our own side has been closed.
        case closed
        /// What was asked for can never be sent.
        case invalidArgument
    }

    package let code: Code
    /// A sentence: what was expected, what came, what to do. Words of the server are in it only after they were made harmless.
    package let description: String
    /// Whether the server may have done what it was asked for. When it is false, it has not, and asking again is safe.
    package let mayHaveBeenExecuted: Bool
    /// What the server has said, when it has.
    package let reply: RESPErrorReply?

    package init(_ code: Code, _ description: String, mayHaveBeenExecuted: Bool = false, reply: RESPErrorReply? = nil) {
        self.code = code
        self.description = description
        self.mayHaveBeenExecuted = mayHaveBeenExecuted
        self.reply = reply
    }

    /// An answer that is an error. A script may have done something before it failed.
    package init(reply: RESPErrorReply, command: String) {
        self.init(
            .refused,
            "the server refused \(command): \(reply.shown)",
            mayHaveBeenExecuted: !reply.isBeforeExecution,
            reply: reply
        )
    }

    /// The same for somebody whose command was on its way, or was not.
    func with(mayHaveBeenExecuted: Bool) -> Self {
        Self(self.code, self.description, mayHaveBeenExecuted: mayHaveBeenExecuted, reply: self.reply)
    }

    package static func == (lhs: Self, rhs: Self) -> Bool { lhs.code == rhs.code }
}

extension RESPErrorReply {
    private static let maximumShownBytes = 200

    /// Harmless in a log, and short: what a server says may have arguments of ours in it, and anything at all if it is no server.
    package var shown: String {
        let bytes = self.text.utf8
        let safe = bytes.prefix(Self.maximumShownBytes).map { 0x20 <= $0 && $0 < 0x7F ? $0 : UInt8(ascii: "?") }
        return String(decoding: safe, as: UTF8.self) + (bytes.count > Self.maximumShownBytes ? "…" : "")
    }

    /// Said before anything of the command was done, so that it may be given again.
    package var isBeforeExecution: Bool {
        // From within a script, which may have done something before it came to that.
        guard !self.text.contains("@user_script") else { return false }
        switch self.code {
        case "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "CROSSSLOT", "NOSCRIPT", "LOADING", "MASTERDOWN", "READONLY":
            return true
        case "NOAUTH", "NOPERM", "WRONGPASS", "NOPROTO", "EXECABORT", "NOREPLICAS", "MISCONF", "BUSY": return true
        default: return false
        }
    }
}
