import NIOCore
import ParleyModel

@testable import ParleyDialects

/// One dialect with the time and chance of a test.
final class Conversation<Machine: Dialect> {
    var dialect: Machine
    var context = DialectContext(now: .uptimeNanoseconds(1), random: SeededGenerator(seed: 1))

    init(_ dialect: Machine) {
        self.dialect = dialect
    }

    func open() -> OpenAction { self.dialect.opened(&self.context) }

    func hear(_ text: String) -> ReceiveAction {
        self.dialect.received(.text, ByteBuffer(string: text), &self.context)
    }

    func hear(bytes: [UInt8]) -> ReceiveAction {
        self.dialect.received(.binary, ByteBuffer(bytes: bytes), &self.context)
    }

    func joinCompleted(_ outcome: JoinOutcome) -> JoinedAction { self.dialect.joinCompleted(outcome) }
    func publishCompleted() -> PublishedAction { self.dialect.publishCompleted() }

    func pass(_ time: TimeAmount) { self.context.now = self.context.now + time }
}

extension ReceiveAction {
    static func reply(_ text: String) -> ReceiveAction { .reply(.text, ByteBuffer(string: text)) }

    /// What was asked of the hub, if it was a join.
    var join: JoinRequest? {
        guard case .join(let request) = self else { return nil }
        return request
    }

    /// The text of a reply.
    var replyText: String? {
        guard case .reply(.text, let message) = self else { return nil }
        return String(buffer: message)
    }
}

extension OpenAction {
    var join: JoinRequest? {
        guard case .join(let request) = self else { return nil }
        return request
    }
}

extension JoinedAction {
    static func reply(_ text: String) -> JoinedAction { .reply(.text, ByteBuffer(string: text)) }
}

extension PublishedAction {
    static func reply(_ text: String) -> PublishedAction { .reply(.text, ByteBuffer(string: text)) }
}
