internal import RESP

/// A command on its way, and who wants to know its answer. On the client's event loop only.
struct RedisPending {
    var command: RedisCommand
    /// How often it was given again.
    var redirections = 0
    let answer: (Result<RESPValue, RedisError>) -> Void
}
