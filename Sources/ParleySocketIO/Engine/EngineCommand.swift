package import EngineIO
package import NIOCore
package import ParleyHub
package import ParleyModel

/// What a server's Engine.IO tells itself on another shard, as the event loop of a request need not be that of its session: data, that
/// could as well go to another process.
package enum EngineCommand: ShardCommand {
    // To the shard of a session.
    case poll(ConnectionID, for: ExchangeID)
    case beginPost(ConnectionID, for: ExchangeID)
    case post(ConnectionID, ByteBuffer, isBinary: Bool, for: ExchangeID)
    /// The request has ended before its answer. That may be on its way, and another poll held by now.
    case dropPoll(ConnectionID, of: ExchangeID)
    case dropPost(ConnectionID)
    /// The body of a request was too large.
    case refusePost(ConnectionID)
    case send(ConnectionID, EngineIOSession.Message)
    case close(ConnectionID, EngineCloseReason)
    /// What waits for it, or of it, is the largest of too much.
    case evict(ConnectionID, MemoryLedger.Kind)

    // To the shard of a request.
    case answer(EngineAnswer, to: ExchangeID)
    /// - Parameter refusal: `nil`: the body may come.
    case postDecided(refusal: EngineAnswer?, for: ExchangeID)
    case sessionUnknown(ExchangeID)

    package var byteCount: Int {
        switch self {
        case .post(_, let body, _, _): body.readableBytes
        case .answer(let answer, _): answer.body.readableBytes
        case .send(_, .text(let message)), .send(_, .binary(let message)): message.readableBytes
        case .poll, .beginPost, .dropPoll, .dropPost, .refusePost, .close, .evict, .postDecided, .sessionUnknown: 0
        }
    }
}

/// An HTTP request that waits for its session, wherever that is.
package struct ExchangeID: Sendable, Equatable {
    /// Of its event loop.
    let shard: Int
    let number: UInt64
}

/// The requests of one event loop that wait. Confined to it.
final class WaitingExchanges {
    private var next: UInt64 = 0
    private var exchanges: [UInt64: EngineExchange] = [:]

    func add(_ exchange: EngineExchange) -> UInt64 {
        self.next += 1
        self.exchanges[self.next] = exchange
        return self.next
    }

    func remove(_ number: UInt64) { self.exchanges[number] = nil }

    subscript(number: UInt64) -> EngineExchange? { self.exchanges[number] }
}

extension EngineHost: HubPart {
    package func receive(_ command: any ShardCommand, on shard: Shard) {
        guard let command = command as? EngineCommand else { return }
        switch command {
        case .poll(let id, let exchange):
            guard let connection = self.connection(id, on: shard) else { return self.isUnknown(exchange, from: shard) }
            connection.poll(for: exchange)
        case .beginPost(let id, let exchange):
            guard let connection = self.connection(id, on: shard) else { return self.isUnknown(exchange, from: shard) }
            self.send(.postDecided(refusal: connection.postBegan(), for: exchange), from: shard, to: exchange.shard)
        case .post(let id, let body, let isBinary, let exchange):
            guard let connection = self.connection(id, on: shard) else { return self.isUnknown(exchange, from: shard) }
            connection.post(body, isBinary: isBinary, for: exchange)
        case .dropPoll(let id, let exchange): self.connection(id, on: shard)?.pollDropped(exchange)
        case .dropPost(let id): self.connection(id, on: shard)?.postDropped()
        case .refusePost(let id): self.connection(id, on: shard)?.postRefused()
        case .send(let id, let message): self.connection(id, on: shard)?.send(message)
        case .close(let id, let reason): self.connection(id, on: shard)?.close(reason)
        case .evict(let id, .input): self.connection(id, on: shard)?.user?.evictInput()
        case .evict(let id, _): self.connection(id, on: shard)?.closeSlowConsumer()
        case .answer(let answer, let exchange): self.exchange(exchange, on: shard)?.answered(answer)
        case .postDecided(let refusal, let exchange): self.exchange(exchange, on: shard)?.postDecided(refusal)
        case .sessionUnknown(let exchange): self.exchange(exchange, on: shard)?.sessionEnded()
        }
    }

    func send(_ command: EngineCommand, from shard: Shard, to target: Int) {
        shard.send(command, for: self.part, to: target)
    }

    private func isUnknown(_ exchange: ExchangeID, from shard: Shard) {
        self.send(.sessionUnknown(exchange), from: shard, to: exchange.shard)
    }

    private func exchange(_ id: ExchangeID, on shard: Shard) -> EngineExchange? { self.waiting(on: shard)[id.number] }
}
