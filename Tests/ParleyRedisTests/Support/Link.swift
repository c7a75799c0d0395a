import NIOCore
import RESP

@testable import ParleyRedis

typealias Link = RedisLinkMachine<Int>

extension Link.Action {
    var words: String {
        switch self {
        case .connect(let attempt): "connect \(attempt)"
        case .disconnect(let attempt): "disconnect \(attempt)"
        case .write(let bytes): "write \(ParleyRedisTests.words(bytes))"
        case .up: "up"
        case .down(let error, _, let heardAt): "down \(error.code)\(heardAt == nil ? "" : " after it was up")"
        case .answer(let value, let waiter, _): "answer \(waiter) \(value.shown)"
        case .fail(let error, let waiter):
            "fail \(waiter) \(error.code)\(error.mayHaveBeenExecuted ? " perhaps executed" : "")"
        case .message(let message): "message \(message.subscription.shown) \(String(buffer: message.payload))"
        case .subscribed(let channel): "subscribed \(channel.shown)"
        case .unsubscribed(let channel): "unsubscribed \(channel.shown)"
        case .refused(let order, let error): "refused \(order.commandName) \(error.code)"
        case .foundCluster(let waiters): "found a cluster, waiting: \(waiters)"
        }
    }
}
