internal import NIOCore
package import RESP

/// Asks sentinels who is the primary, one after another until one knows.
///
/// Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/
package struct RedisSentinelMachine: Sendable {
    package enum Action: Equatable, Sendable {
        /// `SENTINEL GET-MASTER-ADDR-BY-NAME`
        case ask(RedisAddress)
        case found(RedisAddress)
        /// None of them knows.
        case failed(RedisError)
    }

    private enum State: Equatable {
        case idle
        /// The one at this place was asked.
        case asking(Int)
    }

    private let name: String
    /// The one that knew last comes first.
    private var sentinels: [RedisAddress]
    private var state = State.idle
    private var outbox = CircularBuffer<Action>()

    package init(sentinels: [RedisAddress], name: String) {
        self.sentinels = sentinels
        self.name = name
    }

    package var command: RedisCommand { RedisCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name) }

    /// Begins to ask, unless somebody was asked already.
    package mutating func resolve() {
        guard self.state == .idle else { return }
        self.ask(at: 0)
    }

    private mutating func ask(at index: Int) {
        self.state = .asking(index)
        self.outbox.append(.ask(self.sentinels[index]))
    }

    package mutating func answered(_ answer: RESPValue, by sentinel: RedisAddress) {
        guard case .asking(let index) = self.state, self.sentinels[index] == sentinel else { return }
        guard let parts = answer.elements, parts.count >= 2, let host = parts[0].text, let port = parts[1].integer,
            let address = RedisAddress(host: host, port: Int(clamping: port), from: sentinel)
        else {
            let reason = answer.error.map { ": \($0.shown)" } ?? ", as none of that name is known to it"
            let sentence = "the sentinel \(sentinel) names no primary\(reason)"
            return self.failed(RedisError(.unavailable, sentence), at: sentinel)
        }
        self.state = .idle
        self.sentinels.remove(at: index)
        self.sentinels.insert(sentinel, at: 0)
        self.outbox.append(.found(address))
    }

    package mutating func failed(_ error: RedisError, at sentinel: RedisAddress) {
        guard case .asking(let index) = self.state, self.sentinels[index] == sentinel else { return }
        guard index + 1 < self.sentinels.count else {
            self.state = .idle
            let sentence = "no sentinel knows the primary \(self.name) (REDIS_ENDPOINT); the last of them: \(error)"
            self.outbox.append(.failed(RedisError(.unavailable, sentence)))
            return
        }
        self.ask(at: index + 1)
    }

    package mutating func next() -> Action? { self.outbox.popFirst() }
}
