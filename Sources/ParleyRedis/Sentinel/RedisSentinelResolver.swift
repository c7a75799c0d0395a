internal import NIOCore
internal import NIOSSL
internal import RESP

/// Does what a ``RedisSentinelMachine`` says, and asks again from time to time. Confined to its event loop.
final class RedisSentinelResolver {
    private let eventLoop: any EventLoop
    private let configuration: RedisConfiguration
    private let endpoint: RedisEndpoint
    private let tls: NIOSSLContext?
    private var machine: RedisSentinelMachine
    private var links: [RedisAddress: RedisLink] = [:]
    private var waiting: [(Result<RedisAddress, RedisError>) -> Void] = []
    private var timer: Scheduled<Void>?
    private var seed: UInt64
    private var isClosed = false
    /// Gets each answer to a question that nobody but we have asked.
    private var onFound: ((RedisAddress) -> Void)?

    init(
        _ sentinels: [RedisAddress],
        name: String,
        _ endpoint: RedisEndpoint,
        _ configuration: RedisConfiguration,
        tls: NIOSSLContext?,
        eventLoop: any EventLoop,
        seed: UInt64
    ) {
        self.machine = RedisSentinelMachine(sentinels: sentinels, name: name)
        self.endpoint = endpoint
        self.configuration = configuration
        self.tls = tls
        self.eventLoop = eventLoop
        self.seed = seed
    }

    func onFound(_ perform: @escaping (RedisAddress) -> Void) {
        self.onFound = perform
        self.schedule()
    }

    func resolve(_ answer: @escaping (Result<RedisAddress, RedisError>) -> Void) {
        guard !self.isClosed else {
            return answer(.failure(RedisError(.closed, "the client of Redis has been closed")))
        }
        self.waiting.append(answer)
        self.machine.resolve()
        self.drain()
    }

    func close() {
        self.isClosed = true
        self.timer?.cancel()
        self.onFound = nil
        let links = self.links.values
        self.links = [:]
        for link in links { link.close() }
        self.tell(.failure(RedisError(.closed, "the client of Redis has been closed")))
    }

    private func schedule() {
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: self.configuration.sentinelInterval) {
            guard !self.isClosed else { return }
            self.machine.resolve()
            self.drain()
            self.schedule()
        }
    }

    private func drain() {
        while let action = self.machine.next() {
            switch action {
            case .ask(let sentinel): self.ask(sentinel)
            case .found(let address):
                self.tell(.success(address))
                self.onFound?(address)
            case .failed(let error):
                self.tell(.failure(error))
            }
        }
    }

    private func tell(_ result: Result<RedisAddress, RedisError>) {
        let waiting = self.waiting
        self.waiting = []
        for answer in waiting { answer(result) }
    }

    private func ask(_ sentinel: RedisAddress) {
        let link = self.links[sentinel] ?? self.makeLink(to: sentinel)
        self.links[sentinel] = link
        let command = self.machine.command
        link.send(
            RedisPending(command: command) { result in
                guard !self.isClosed else { return }
                switch result {
                case .success(let value):
                    self.machine.answered(value, by: sentinel)
                    self.drain()
                case .failure(let error): self.leave(sentinel, link, error)
                }
            }
        )
    }

    /// One that does not answer is left alone until it is its turn again.
    private func leave(_ sentinel: RedisAddress, _ link: RedisLink, _ error: RedisError) {
        // Its connection says so, and then each that has waited for it.
        guard !self.isClosed, self.links[sentinel] === link else { return }
        self.machine.failed(error, at: sentinel)
        self.links.removeValue(forKey: sentinel)?.close()
        self.drain()
    }

    private func makeLink(to sentinel: RedisAddress) -> RedisLink {
        var settings = RedisLink.Machine.Settings()
        settings.connection.plan.protocolVersion = self.configuration.protocolVersion
        settings.connection.plan.clientName = self.configuration.clientName
        settings.connection.plan.credentials = self.endpoint.credentials
        settings.connection.plan.authenticatesOnlyWhenAsked = true
        // There are others to ask.
        let patience = self.configuration.sentinelTimeout
        settings.connection.connectTimeout = patience
        settings.connection.commandTimeout = patience
        settings.holdTime = patience
        settings.name = "the sentinel \(sentinel)"
        self.seed &+= 1
        let link = RedisLink(
            to: .address(sentinel),
            settings,
            tls: self.tls,
            eventLoop: self.eventLoop,
            seed: self.seed
        )
        link.onAction { action in
            switch action {
            case .answer(let value, let pending, _):
                if let error = value.error {
                    pending.answer(.failure(RedisError(reply: error, command: pending.command.name)))
                } else {
                    pending.answer(.success(value))
                }
            case .fail(let error, let pending): pending.answer(.failure(error))
            case .down(let error, _, _): self.leave(sentinel, link, error)
            default: break
            }
        }
        return link
    }
}

@available(*, unavailable)
extension RedisSentinelResolver: Sendable {}
