import NIOCore
import RESP

@testable import ParleyRedis

typealias Connection = RedisConnectionMachine<Int>

extension NIODeadline {
    /// So long after the beginning of a test.
    static func at(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds)
    }
}

extension ByteBuffer {
    init(_ values: RESPValue...) {
        self.init()
        for value in values { self.writeRESPValue(value) }
    }
}

/// What servers say.
extension RESPValue {
    static let ok = Self.simple("OK")
    static let pong = Self.simple("PONG")

    static func hello(mode: String = "standalone", role: String = "master", version: Int64 = 3) -> Self {
        .map([
            RESPPair(.bulk("server"), .bulk("redis")), RESPPair(.bulk("version"), .bulk("7.0.15")),
            RESPPair(.bulk("proto"), .integer(version)), RESPPair(.bulk("id"), .integer(4)),
            RESPPair(.bulk("mode"), .bulk(mode)), RESPPair(.bulk("role"), .bulk(role)),
            RESPPair(.bulk("modules"), .array([])),
        ])
    }

    static func confirmed(_ kind: String, _ name: String, count: Int64 = 1) -> Self {
        .push([.bulk(kind), .bulk(name), .integer(count)])
    }
}

/// A command as one line of words, so that tables can be read.
func words(_ bytes: ByteBuffer) -> String {
    var parser = RESPParser()
    parser.receive(bytes)
    var lines: [String] = []
    while let value = try? parser.next() {
        lines.append((value.elements ?? []).map { $0.text ?? "?" }.joined(separator: " "))
    }
    return lines.joined(separator: "; ")
}

/// What a machine has said, in words.
extension Connection.Action {
    var words: String {
        switch self {
        case .write(let bytes): "write \(ParleyRedisTests.words(bytes))"
        case .ready(let identity): "ready \(identity.protocolVersion.rawValue)"
        case .answer(let value, let waiter, _): "answer \(waiter) \(value.shown)"
        case .fail(let error, let waiter):
            "fail \(waiter) \(error.code)\(error.mayHaveBeenExecuted ? " perhaps executed" : "")"
        case .message(let message):
            "message \(message.subscription.shown) \(String(buffer: message.channel)) \(String(buffer: message.payload))"
        case .subscribed(let channel): "subscribed \(channel.shown)"
        case .unsubscribed(let channel): "unsubscribed \(channel.shown)"
        case .refused(let order, let error): "refused \(order.commandName) \(error.code)"
        case .close(let error): "close \(error.code)"
        }
    }
}

extension RESPValue {
    var shown: String { self.error?.text ?? self.text ?? self.integer.map { "\($0)" } ?? "\(self)" }
}

extension RedisChannel {
    var shown: String { "\(self.kind):\(String(buffer: self.name))" }
}
