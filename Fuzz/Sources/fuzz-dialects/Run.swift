import FuzzSupport
import NIOCore
import ParleyDialects
import ParleyModel

/// A rule that did not hold, in words.
struct BrokenInvariant: Error {
    let sentence: String
}

/// Lets a case be said to the dialect that its first byte names.
func run(_ fuzzCase: [UInt8]) throws(BrokenInvariant) {
    guard let first = fuzzCase.first else { return }
    let messages = fuzzCase.dropFirst().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    switch Speaker(rawValue: first % UInt8(Speaker.allCases.count)) ?? .gateway {
    case .sessionChat:
        try converse(
            SessionChatDialect(userID: "alice", room: TopicName("r"), configuration: SessionChatConfiguration()),
            SessionChatEncoder(),
            messages
        )
    case .disposableChat:
        guard let parameters = DisposableChatParameters(name: "alice", room: "room") else { return }
        try converse(
            DisposableChatDialect(parameters: parameters, configuration: DisposableChatConfiguration()),
            DisposableChatEncoder(),
            messages
        )
    case .channelServer:
        try converse(
            ChannelServerDialect(connectionID: "id", configuration: ChannelServerConfiguration()),
            ChannelServerEncoder(),
            messages
        )
    case .relay:
        let join = JoinRequest(topic: TopicName("r"), memberID: "a", memberName: "a")
        try converse(RelayDialect(join: join), RelayEncoder(), messages, speaksJSON: false)
    case .gateway:
        for message in messages { try gateway(message) }
    case .chatRequest:
        for message in messages { try chatRequest(message) }
    }
}

/// Text is text, as it is when it comes from a WebSocket; what is none comes as bytes.
private func decode(_ message: ArraySlice<UInt8>) -> (MessageKind, ByteBuffer) {
    let payload = ByteBuffer(bytes: message.dropFirst())
    let isText = message.first != UInt8(ascii: "b") && TextLength.isUTF8(payload)
    return (isText ? .text : .binary, payload)
}

/// What is said to a client is JSON in UTF-8, whatever a client said; topics are within their bounds.
private func converse(
    _ dialect: some Dialect,
    _ encoder: some DialectEncoder,
    _ messages: [ArraySlice<UInt8>],
    speaksJSON: Bool = true
) throws(BrokenInvariant) {
    var dialect = dialect
    var context = DialectContext(now: .uptimeNanoseconds(1), random: SeededGenerator(seed: 1))
    var room = Room()
    func check(_ kind: MessageKind, _ message: ByteBuffer) throws(BrokenInvariant) {
        guard kind == .text else { return }
        guard TextLength.isUTF8(message) else { throw BrokenInvariant(sentence: "a text that is no UTF-8") }
        guard !speaksJSON || (try? JSONScanner.scanValue(message, maximumDepth: 10_000)) != nil else {
            throw BrokenInvariant(sentence: "an answer that is no JSON: \(String(buffer: message))")
        }
    }
    func join(_ request: JoinRequest) throws(BrokenInvariant) {
        guard (1...1024).contains(request.topic.value.utf8.count) else {
            throw BrokenInvariant(sentence: "a topic of \(request.topic.value.utf8.count) bytes")
        }
        let member = Member(
            client: ClientID(incarnation: .lone, connection: ConnectionID(shard: 0, slot: 0, generation: 0)),
            id: request.memberID,
            name: request.memberName,
            dialect: .relay
        )
        room = Room(name: request.topic, members: [member])
        var message = ByteBuffer()
        if let kind = encoder.encodeWelcome(for: member, in: room, into: &message) { try check(kind, message) }
        if case .reply(let kind, let message) = dialect.joinCompleted(.joined) { try check(kind, message) }
    }
    if case .join(let request) = dialect.opened(&context) { try join(request) }
    for message in messages {
        let (kind, payload) = decode(message)
        switch dialect.received(kind, payload, &context) {
        case .drop: break
        case .reply(let kind, let message): try check(kind, message)
        case .join(let request): try join(request)
        case .publish(let payload, _):
            let publication = Publication(
                offset: UInt64(room.publications.count + 1),
                time: WallTime(milliseconds: 0),
                sender: Sender(id: "a", name: "alice"),
                payload: payload.detached()
            )
            room.publications.append(publication)
            var message = ByteBuffer()
            if let kind = encoder.encode(.published(publication), in: room, into: &message) { try check(kind, message) }
            if dialect.acknowledgesPublications, case .reply(let kind, let message) = dialect.publishCompleted() {
                try check(kind, message)
            }
        case .close: return
        }
    }
}

private struct Room: TopicView {
    var name = TopicName("r")
    var members: [Member] = []
    var publications: [Publication] = []

    func forEachMember(_ body: (Member) -> Void) { self.members.forEach(body) }
    func forEachPublication(_ body: (Publication) -> Void) { self.publications.forEach(body) }
}

/// What was read and written again reads the same.
private func gateway(_ message: ArraySlice<UInt8>) throws(BrokenInvariant) {
    let (kind, payload) = decode(message)
    guard case .event(let name, let data) = GatewayFrame(payload, kind: kind) else { return }
    if let data, (try? JSONScanner.scanValue(data)) == nil {
        throw BrokenInvariant(sentence: "data that is no JSON: \(String(buffer: data))")
    }
    var wire = ByteBuffer()
    GatewayFrame.write(name, data, into: &wire)
    guard GatewayFrame(wire, kind: .text) == .event(name, data: data) else {
        throw BrokenInvariant(sentence: "an event changed when it was written and read: \(name)")
    }
}

private func chatRequest(_ message: ArraySlice<UInt8>) throws(BrokenInvariant) {
    let (kind, payload) = decode(message)
    guard kind == .text, case .success(let request) = ChatRequest.parse(payload) else { return }
    guard (1...ChatRequest.maximumMessageLength).contains(request.message.utf16.count),
        request.history.count <= ChatRequest.maximumHistoryLength, request.history.allSatisfy({ $0.role != .system }),
        request.turns.count <= ChatRequest.usedHistoryLength + 2
    else { throw BrokenInvariant(sentence: "a request beyond its bounds: \(request)") }
}
