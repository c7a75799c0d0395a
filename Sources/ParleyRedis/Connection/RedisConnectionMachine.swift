package import NIOCore
package import RESP

/// One connection to a server, from the moment when it is made: greeting, answers in the order of commands, messages, signs of life.
///
/// Events are methods; what is to be done comes out of ``next(now:)``, one action at a time, until there is none. A command is
/// written once: whoever wants it written again decides that with what the error says of it.
package struct RedisConnectionMachine<Waiter> {
    package struct Settings: Sendable {
        package var plan = RedisHandshake.Plan()
        package var limits = RESPLimits()
        /// From the connection to the end of the greeting.
        package var connectTimeout = TimeAmount.seconds(5)
        package var commandTimeout = TimeAmount.seconds(5)
        package var pingInterval = TimeAmount.seconds(2)
        /// Whether it subscribes, and gives no commands: version 2 of the protocol cannot have both.
        package var isForSubscriptions = false

        package init() {}
    }

    package enum Action {
        case write(ByteBuffer)
        /// Commands may be given from now on.
        case ready(RedisServerIdentity)
        /// The answer to a command, which may be an error.
        case answer(RESPValue, Waiter, roundTrip: TimeAmount)
        /// A command has no answer, and will not get one.
        case fail(RedisError, Waiter)
        case message(RedisMessage)
        case subscribed(RedisChannel)
        case unsubscribed(RedisChannel)
        /// An order was refused; none of its names has changed.
        case refused(RedisSubscriptionOrder, RESPErrorReply)
        /// The connection is of no use any more. Nothing follows but failures.
        case close(RedisError)
    }

    private enum State {
        case greeting(RedisHandshake, since: NIODeadline)
        case ready
        case ended
    }

    private enum Question {
        case greeting
        case ping
        /// What only prepares for the next, `ASKING`.
        case preparation
        case command(Waiter)
        case order(RedisSubscriptionOrder, confirmed: Int)
    }

    private struct Asked {
        var question: Question
        let at: NIODeadline
        let bytes: Int
    }

    private let settings: Settings
    private var state: State
    private var parser: RESPParser
    private var protocolVersion = RESPVersion.two
    private var asked = CircularBuffer<Asked>(initialCapacity: 16)
    private var outbox = CircularBuffer<Action>()
    private var lastHeard: NIODeadline
    /// Of commands that wait for their answers.
    package private(set) var waitingBytes = 0

    package init(_ settings: Settings, now: NIODeadline) {
        self.settings = settings
        self.parser = RESPParser(limits: settings.limits)
        self.lastHeard = now
        let handshake = RedisHandshake(settings.plan)
        self.state = .greeting(handshake, since: now)
        self.ask(.greeting, handshake.greeting, now: now)
    }

    /// Of commands that wait for their answers, and of what else does.
    package var waitingCount: Int { self.asked.count }
    /// When the server was last heard of.
    package var heardAt: NIODeadline { self.lastHeard }

    package var isReady: Bool {
        if case .ready = self.state { true } else { false }
    }

    package var isEnded: Bool {
        if case .ended = self.state { true } else { false }
    }

    // MARK: Asking

    /// - Parameter asking: Whether the server is to answer for a slot that is on its way to it (`ASK`).
    package mutating func send(_ command: ByteBuffer, _ waiter: Waiter, asking: Bool = false, now: NIODeadline) {
        guard self.isReady else {
            self.outbox.append(.fail(RedisError(.connectionLost, "the connection is not open for commands"), waiter))
            return
        }
        if asking {
            var bytes = ByteBuffer()
            bytes.writeRESPCommand("ASKING", count: 0) { _ in }
            self.ask(.preparation, bytes, now: now)
        }
        self.ask(.command(waiter), command, now: now)
    }

    package mutating func send(_ order: RedisSubscriptionOrder, now: NIODeadline) {
        guard self.isReady, !order.names.isEmpty else { return }
        self.ask(.order(order, confirmed: 0), order.bytes, now: now)
    }

    private mutating func ask(_ question: Question, _ bytes: ByteBuffer, now: NIODeadline) {
        self.asked.append(Asked(question: question, at: now, bytes: bytes.readableBytes))
        self.waitingBytes += bytes.readableBytes
        self.outbox.append(.write(bytes))
    }

    // MARK: Time

    /// When ``tick(now:)`` must be called at the latest.
    package var deadline: NIODeadline? {
        switch self.state {
        case .ended: return nil
        case .greeting(_, let since): return since + self.settings.connectTimeout
        case .ready:
            guard let first = self.asked.first else { return self.lastHeard + self.settings.pingInterval }
            return self.patience(with: first)
        }
    }

    /// Until when an answer is waited for. A sign of life, or a confirmation, stands behind all messages before it: what is heard
    /// meanwhile shows that it will come.
    private func patience(with asked: Asked) -> NIODeadline {
        switch asked.question {
        case .command, .preparation, .greeting: asked.at + self.settings.commandTimeout
        case .ping, .order: max(asked.at, self.lastHeard) + self.settings.commandTimeout
        }
    }

    package mutating func tick(now: NIODeadline) {
        guard let deadline = self.deadline, now >= deadline else { return }
        switch self.state {
        case .ended: return
        case .greeting:
            let patience = self.settings.connectTimeout.sentence
            let hint = "is it one of Redis or Valkey, and does it speak TLS just where rediss:// says so?"
            self.end(RedisError(.timedOut, "the server has not answered the greeting within \(patience): \(hint)"))
        case .ready where self.asked.isEmpty:
            var bytes = ByteBuffer()
            bytes.writeRESPCommand("PING", count: 0) { _ in }
            self.ask(.ping, bytes, now: now)
        case .ready:
            let patience = self.settings.commandTimeout.sentence
            self.end(RedisError(.timedOut, "the server has not answered within \(patience)"))
        }
    }

    // MARK: Hearing

    package mutating func received(_ bytes: ByteBuffer, now: NIODeadline) {
        guard !self.isEnded else { return }
        self.lastHeard = max(self.lastHeard, now)
        self.parser.receive(bytes)
    }

    /// The connection has ended by itself.
    package mutating func closed(_ error: RedisError?) {
        self.end(error ?? RedisError(.connectionLost, "the server has closed the connection"))
    }

    package mutating func next(now: NIODeadline) -> Action? {
        while true {
            if let action = self.outbox.popFirst() { return action }
            guard !self.isEnded else { return nil }
            do throws(RESPError) {
                guard let value = try self.parser.next() else { return nil }
                if let action = self.take(value, now: now) { return action }
            } catch {
                self.end(RedisError(.protocolViolation, "the server breaks the protocol: \(error)"))
            }
        }
    }

    private mutating func take(_ value: RESPValue, now: NIODeadline) -> Action? {
        switch value {
        case .push(let elements):
            return self.take(push: elements)
        case .array(let elements)
        where self.settings.isForSubscriptions && self.protocolVersion == .two && self.isReady:
            return self.take(push: elements)
        case .attributed:
            return self.take(value.bare, now: now)
        default:
            return self.take(answer: value, now: now)
        }
    }

    private mutating func take(answer value: RESPValue, now: NIODeadline) -> Action? {
        guard let first = self.asked.popFirst() else {
            self.end(RedisError(.protocolViolation, "the server has answered what it was not asked"))
            return nil
        }
        self.waitingBytes -= first.bytes
        switch first.question {
        case .command(let waiter):
            return .answer(value, waiter, roundTrip: now - first.at)
        case .ping, .preparation:
            // An error shows life as well; what it prepared for will get an error of its own.
            return nil
        case .greeting:
            return self.greeted(value, now: now)
        case .order(let order, let confirmed):
            guard let error = value.error, confirmed == 0 else {
                self.end(RedisError(.protocolViolation, "the server has answered a subscription with something else"))
                return nil
            }
            return .refused(order, error)
        }
    }

    private mutating func greeted(_ value: RESPValue, now: NIODeadline) -> Action? {
        guard case .greeting(var handshake, let since) = self.state else { return nil }
        switch handshake.received(value) {
        case .write(let bytes):
            self.state = .greeting(handshake, since: since)
            self.ask(.greeting, bytes, now: now)
            return nil
        case .done(let identity):
            self.state = .ready
            self.protocolVersion = identity.protocolVersion
            return .ready(identity)
        case .fail(let error):
            self.end(error)
            return nil
        }
    }

    // MARK: Subscriptions

    private mutating func take(push elements: [RESPValue]) -> Action? {
        guard let kind = elements.first?.bytes else { return nil }
        // At most fifteen bytes: such a string needs no memory of its own.
        switch String(buffer: kind) {
        case "message": return Self.message(.channel, elements, at: 1)
        case "smessage": return Self.message(.shard, elements, at: 1)
        case "pmessage": return Self.message(.pattern, elements, at: 2)
        case "subscribe": return self.confirmed(.channel, subscribes: true, elements)
        case "psubscribe": return self.confirmed(.pattern, subscribes: true, elements)
        case "ssubscribe": return self.confirmed(.shard, subscribes: true, elements)
        case "unsubscribe": return self.confirmed(.channel, subscribes: false, elements)
        case "punsubscribe": return self.confirmed(.pattern, subscribes: false, elements)
        case "sunsubscribe": return self.confirmed(.shard, subscribes: false, elements)
        case "pong":
            // How version 2 answers PING between messages.
            guard let first = self.asked.first, case .ping = first.question else { return nil }
            self.asked.removeFirst()
            self.waitingBytes -= first.bytes
            return nil
        default:
            // Whatever else servers push is for clients that have asked for it.
            return nil
        }
    }

    private static func message(_ kind: RedisChannel.Kind, _ elements: [RESPValue], at index: Int) -> Action? {
        guard elements.count > index + 1, let subscription = elements[1].bytes, let channel = elements[index].bytes,
            let payload = elements[index + 1].bytes
        else { return nil }
        return .message(
            RedisMessage(subscription: RedisChannel(kind, subscription), channel: channel, payload: payload)
        )
    }

    private mutating func confirmed(
        _ kind: RedisChannel.Kind,
        subscribes: Bool,
        _ elements: [RESPValue]
    ) -> Action? {
        guard elements.count > 1, let name = elements[1].bytes else { return nil }
        if let first = self.asked.first, case .order(let order, let confirmed) = first.question,
            order.kind == kind, order.subscribes == subscribes, order.names[confirmed] == name
        {
            if confirmed + 1 == order.names.count {
                self.asked.removeFirst()
                self.waitingBytes -= first.bytes
            } else {
                self.asked[self.asked.startIndex].question = .order(order, confirmed: confirmed + 1)
            }
        }
        // Otherwise nobody has asked: a slot has moved, and its node says so.
        let channel = RedisChannel(kind, name)
        return subscribes ? .subscribed(channel) : .unsubscribed(channel)
    }

    // MARK: The end

    private mutating func end(_ error: RedisError) {
        guard !self.isEnded else { return }
        self.state = .ended
        self.outbox.removeAll { action in
            // What was to be written was counted among what was asked, and fails with it.
            if case .write = action { true } else { false }
        }
        self.outbox.append(.close(error))
        while let first = self.asked.popFirst() {
            guard case .command(let waiter) = first.question else { continue }
            self.outbox.append(.fail(error.with(mayHaveBeenExecuted: true), waiter))
        }
        self.waitingBytes = 0
    }
}

extension TimeAmount {
    /// `2 s`, `150 ms`, as messages have it.
    var sentence: String {
        let milliseconds = self.nanoseconds / 1_000_000
        return milliseconds.isMultiple(of: 1000) ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
    }
}
