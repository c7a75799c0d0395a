package import NIOCore
package import RESP

/// What becomes of a command whose answer is an error. A command is given again only if the server has said that it did nothing.
package enum RedisRetry: Sendable, Hashable {
    /// The error is the answer.
    case deliver
    /// To that node, at once.
    case at(RedisAddress, asking: Bool)
    /// To whoever is responsible after a while.
    case later(TimeAmount)
    /// With the source of its script, to the same node.
    case withSource
    /// It was given too often.
    case giveUp

    /// - Parameters:
    ///   - redirections: How often the command was given again.
    ///   - isClustered: Whether slots have nodes here.
    package init(
        _ error: RESPErrorReply,
        of command: RedisCommand,
        from node: RedisAddress,
        redirections: Int,
        maximum: Int,
        isClustered: Bool
    ) {
        if error.code == "NOSCRIPT", command.script != nil {
            self = redirections < maximum ? .withSource : .giveUp
            return
        }
        guard isClustered, error.isBeforeExecution, let redirection = RedisRedirection(error, from: node) else {
            self = .deliver
            return
        }
        switch redirection {
        case .moved where redirections >= maximum, .ask where redirections >= maximum: self = .giveUp
        case .moved(_, let address): self = .at(address, asking: false)
        case .ask(let address): self = .at(address, asking: true)
        // The last error says more than our giving up would.
        case .tryAgain where redirections >= maximum, .unavailable where redirections >= maximum,
            .demoted where redirections >= maximum:
            self = .deliver
        case .tryAgain: self = .later(.milliseconds(20) * (redirections + 1))
        case .unavailable, .demoted: self = .later(.milliseconds(100) * (redirections + 1))
        }
    }
}
