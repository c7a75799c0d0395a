package import Logging
package import NIOCore
package import RESP

/// A client of one endpoint: a server, a primary with sentinels, or a cluster.
///
/// It lives on one event loop. There nothing waits for anything: commands go to the connection at once, those of one turn of the loop
/// together, and answers, messages and changes come back there. From elsewhere everything goes through that loop.
///
/// Commands are answered in the order in which they were given, but for those that a cluster has led on or whose script had to be
/// sent. A command is never given a second time unless the server has said that it did nothing. One that blocks, such as `BLPOP`, holds
/// up all behind it and ends the connection with its timeout: it is not for here.
package final class RedisClient: Sendable {
    package let endpoint: RedisEndpoint
    package let eventLoop: any EventLoop
    private let core: NIOLoopBoundBox<RedisClientCore?>

    /// - Parameters:
    ///   - seed: Of the chance by which attempts to connect are spread.
    ///   - onState: Told on the event loop, at each change and, while there is no connection, at each attempt.
    /// - Throws: ``RedisError`` with `tlsFailed` when certificates cannot be read.
    package init(
        _ endpoint: RedisEndpoint,
        _ configuration: RedisConfiguration,
        on eventLoop: any EventLoop,
        logger: Logger,
        seed: UInt64,
        onState: (@Sendable (RedisClientState) -> Void)? = nil
    ) throws(RedisError) {
        self.endpoint = endpoint
        self.eventLoop = eventLoop
        let tls = endpoint.usesTLS ? try configuration.tls.makeContext() : nil
        var logger = logger
        logger[metadataKey: "redis"] = "\(endpoint)"
        let made = logger
        let core = NIOLoopBoundBox<RedisClientCore?>.makeEmptyBox(eventLoop: eventLoop)
        self.core = core
        let make: @Sendable () -> Void = {
            let factory = RedisLinkFactory(endpoint, configuration, tls: tls, eventLoop: eventLoop, seed: seed)
            core.value = RedisClientCore(factory, logger: made, onState: onState)
        }
        if eventLoop.inEventLoop { make() } else { eventLoop.execute(make) }
    }

    private func onLoop(_ perform: @escaping @Sendable (RedisClientCore?) -> Void) {
        if self.eventLoop.inEventLoop {
            perform(self.core.value)
        } else {
            self.eventLoop.execute { perform(self.core.value) }
        }
    }

    /// Connects without waiting for the first command.
    package func start() {
        self.onLoop { $0?.start() }
    }

    // MARK: Callbacks

    /// Gives a command.
    ///
    /// - Parameters:
    ///   - loop: Where `answer` is called; `nil`: on the client's own event loop.
    ///   - answer: Called once. Errors of the server are ``RedisError`` with `refused`.
    package func send(
        _ command: RedisCommand,
        on loop: (any EventLoop)? = nil,
        _ answer: @escaping @Sendable (Result<RESPValue, RedisError>) -> Void
    ) {
        let deliver = self.delivering(on: loop, answer)
        if self.eventLoop.inEventLoop {
            guard let core = self.core.value else { return }
            core.send(RedisPending(command: command, answer: deliver))
        } else {
            self.eventLoop.execute { self.core.value?.send(RedisPending(command: command, answer: deliver)) }
        }
    }

    /// Subscribes, and stays subscribed over all connections until ``unsubscribe(from:)``. A channel has one listener.
    ///
    /// - Parameters:
    ///   - loop: Where `receive` is called; `nil`: on the client's own event loop.
    ///   - receive: Called for every message and change, in order.
    package func subscribe(
        to channel: RedisChannel,
        on loop: (any EventLoop)? = nil,
        _ receive: @escaping @Sendable (RedisSubscriptionEvent) -> Void
    ) {
        let deliver = self.delivering(on: loop, receive)
        self.onLoop { $0?.subscribe(to: channel, deliver) }
    }

    /// Nothing more is told of the channel, but for what is on its way to another event loop.
    package func unsubscribe(from channel: RedisChannel) {
        self.onLoop { $0?.unsubscribe(from: channel) }
    }

    private func delivering<Value: Sendable>(
        on loop: (any EventLoop)?,
        _ deliver: @escaping @Sendable (Value) -> Void
    ) -> @Sendable (Value) -> Void {
        guard let loop, loop !== self.eventLoop else { return deliver }
        return { value in loop.execute { deliver(value) } }
    }

    /// Ends every connection. What waits fails; nothing can be asked for any more.
    package func close() {
        self.onLoop { $0?.close() }
    }

    // MARK: Async

    /// Gives a command and waits for its answer.
    ///
    /// - Throws: ``RedisError``; `refused` is an answer of the server.
    @discardableResult
    package func send(_ command: RedisCommand) async throws(RedisError) -> RESPValue {
        let result: Result<RESPValue, RedisError> = await withCheckedContinuation { continuation in
            self.send(command) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Connects, and waits until that has succeeded or failed once. After a failure it goes on trying.
    ///
    /// - Throws: ``RedisError`` with what an operator should read.
    @discardableResult
    package func ready() async throws(RedisError) -> RedisServerIdentity {
        let result: Result<RedisServerIdentity, RedisError> = await withCheckedContinuation { continuation in
            self.onLoop { core in
                guard let core else {
                    let error = RedisError(.closed, "the client of Redis has been closed")
                    return continuation.resume(returning: .failure(error))
                }
                core.whenReady { continuation.resume(returning: $0) }
            }
        }
        return try result.get()
    }

    package func statistics() async -> RedisStatistics {
        await withCheckedContinuation { continuation in
            self.onLoop { continuation.resume(returning: $0?.currentStatistics ?? RedisStatistics()) }
        }
    }

    /// The same, and waits until it is done.
    package func shutDown() async {
        await withCheckedContinuation { continuation in
            self.onLoop { core in
                core?.close()
                continuation.resume()
            }
        }
    }
}
