public import NIOCore
public import ParleyModel

/// What governs channel server connections.
public struct ChannelServerConfiguration: Sendable, Equatable {
    /// Whether a publisher receives its own `message`.
    public var echo = true
    /// Messages a second that a connection may send; 0: no limit. Beyond it for two seconds: ``CloseReason/tooManyRequests``.
    public var rateLimit = 0

    public init() {}
}

/// One channel server connection: `join`, `publish` and `ping`, one JSON object a message.
///
/// `data` is passed on as the raw bytes in which it came, so that numbers keep their text form. A second join moves the
/// connection. Source: channel server specification, *Client -> server* and *Server -> client*.
public struct ChannelServerDialect: Dialect {
    /// Where the connection stands.
    private enum State: Equatable {
        case unjoined
        case joining
        case joined
    }

    private let connectionID: String
    private let configuration: ChannelServerConfiguration
    private var state = State.unjoined
    private var rate: RateMeter

    /// - Parameter connectionID: The identifier by which the management API finds this connection.
    public init(connectionID: String, configuration: ChannelServerConfiguration) {
        self.connectionID = connectionID
        self.configuration = configuration
        self.rate = RateMeter(limit: configuration.rateLimit)
    }

    public var acknowledgesPublications: Bool { true }

    public mutating func received(
        _ kind: MessageKind,
        _ message: ByteBuffer,
        _ context: inout DialectContext
    ) -> ReceiveAction {
        guard self.rate.allows(at: context.now) else { return .close(.tooManyRequests) }
        // RFC 6455 §7.4.1: 1003 when an endpoint accepts text only.
        guard kind == .text else { return .close(.binaryNotAccepted) }
        switch ChannelServerRequest(message) {
        case .join(let channel):
            guard let channel else { return .reply(.text, Self.joinFailure) }
            let senderID = RandomIdentifier.urlSafe(length: 21, using: &context.random)
            self.state = .joining
            return .join(JoinRequest(topic: TopicName(channel), memberID: senderID, memberName: senderID))
        case .publish(let data):
            guard self.state == .joined else { return .reply(.text, Self.publishFailure) }
            return .publish(.json(data ?? Self.null), includingSender: self.configuration.echo)
        case .ping(let data):
            return .reply(.text, Self.pong(data))
        case .unusable:
            return .reply(.text, self.badRequest(requestID: RandomIdentifier.uuid(using: &context.random)))
        }
    }

    public mutating func joinCompleted(_ outcome: JoinOutcome) -> JoinedAction {
        switch outcome {
        case .joined:
            self.state = .joined
            return .reply(.text, Self.joinSuccess)
        case .refused:
            self.state = .unjoined
            return .reply(.text, Self.joinFailure)
        }
    }

    public mutating func publishCompleted() -> PublishedAction {
        .reply(.text, Self.publishSuccess)
    }

    private static let joinSuccess = ByteBuffer(staticString: "{\"type\":\"joinSuccess\"}")
    private static let joinFailure = ByteBuffer(staticString: "{\"type\":\"joinFailure\"}")
    private static let publishSuccess = ByteBuffer(staticString: "{\"type\":\"publishSuccess\"}")
    private static let publishFailure = ByteBuffer(
        staticString:
            "{\"type\":\"publishFailure\",\"data\":\"publish needs a joined channel: send join and wait for joinSuccess\"}"
    )
    private static let null = ByteBuffer(staticString: "null")

    private static func pong(_ data: ByteBuffer?) -> ByteBuffer {
        guard let data else { return ByteBuffer(staticString: "{\"type\":\"pong\"}") }
        var buffer = ByteBufferAllocator().buffer(capacity: data.readableBytes + 24)
        buffer.writeStaticString("{\"type\":\"pong\",\"data\":")
        buffer.writeImmutableBuffer(data)
        buffer.writeInteger(UInt8(ascii: "}"))
        return buffer
    }

    /// The gateway's shape for what it cannot handle; it has no `type`, which keeps it apart from the protocol's messages.
    private func badRequest(requestID: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeStaticString("{\"message\":\"Bad request\",\"connectionId\":")
        buffer.writeJSONString(self.connectionID)
        buffer.writeStaticString(",\"requestId\":")
        buffer.writeJSONString(requestID)
        buffer.writeInteger(UInt8(ascii: "}"))
        return buffer
    }
}
