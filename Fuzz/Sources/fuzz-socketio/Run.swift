import EngineIO
import NIOCore
import SocketIO

/// A rule that did not hold, in words.
struct BrokenInvariant: Error {
    let sentence: String
}

/// Feeds a case to the parser that its first byte names. What the parser throws is fine; what else happens is not.
func run(_ fuzzCase: [UInt8]) throws(BrokenInvariant) {
    guard let first = fuzzCase.first else { return }
    let parser = Parser(rawValue: first % UInt8(Parser.allCases.count)) ?? .json
    let bytes = ByteBuffer(bytes: fuzzCase.dropFirst())
    switch parser {
    case .polling: try polling(bytes)
    case .polling3Text: polling3(bytes, isBinary: false)
    case .polling3Binary: polling3(bytes, isBinary: true)
    case .packets: connection(bytes)
    case .messagePackPackets:
        if let packet = try? MessagePackPacket.parse(bytes) { look(packet) }
    case .messagePack: try messagePack(bytes)
    case .json: try json(bytes)
    case .query: query(bytes)
    }
}

/// What was read and written for a poll reads the same again.
private func polling(_ bytes: ByteBuffer) throws(BrokenInvariant) {
    var reader = PollingPayloadReader(bytes)
    var packets: [EnginePacket] = []
    var outbox = PollingOutbox()
    while let packet = (try? reader.next()) ?? nil {
        packets.append(packet)
        var wire = ByteBuffer()
        if packet.isBinary {
            PollingPayload.writeBinary(packet.payload, into: &wire)
        } else {
            PollingPayload.write(packet.kind, packet.payload, into: &wire)
        }
        outbox.append(wire)
    }
    if outbox.takePackets() != packets {
        throw BrokenInvariant(sentence: "packets changed on their way through an outbox")
    }
}

private func polling3(_ bytes: ByteBuffer, isBinary: Bool) {
    var reader = PollingPayloadV3Reader(bytes, isBinary: isBinary)
    var packets: [EnginePacket] = []
    while let packet = (try? reader.next()) ?? nil { packets.append(packet) }
    _ = PollingPayloadV3.write(packets, supportsBinary: isBinary)
}

private func connection(_ bytes: ByteBuffer) {
    var connection = SocketConnection(parser: .json, connectDeadline: .distantFuture)
    for line in bytes.readableBytesView.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
        let isBinary = line.first == UInt8(ascii: "b")
        switch connection.receive(ByteBuffer(bytes: isBinary ? line.dropFirst() : line), isBinary: isBinary) {
        case .connect(let namespace, _, let attempt, _): _ = connection.accept(namespace, attempt: attempt)
        case .event(_, _, let arguments, _), .ack(_, let arguments, _): look(arguments)
        case .close: return
        case .none, .disconnect: break
        }
    }
}

private func look(_ packet: SocketPacket) {
    switch packet.content {
    case .event(_, let arguments, _), .ack(let arguments, _): look(arguments)
    case .connect, .disconnect: break
    }
}

private func look(_ arguments: SocketArguments) {
    for index in 0...arguments.count { _ = arguments[index].parsed }
    precondition(arguments.values.count == arguments.count, "Arguments are as many as they say.")
    _ = SocketParser.json.event("x", arguments, namespace: "/")
    _ = SocketParser.messagePack.event("x", arguments, namespace: "/")
}

private func messagePack(_ bytes: ByteBuffer) throws(BrokenInvariant) {
    var input = bytes
    guard let value = try? MessagePack.read(&input) else { return }
    var wire = ByteBuffer()
    MessagePack.write(value, into: &wire)
    guard let again = try? MessagePack.read(&wire), again == value || hasNotANumber(value) else {
        throw BrokenInvariant(sentence: "a MessagePack value changed when it was written and read: \(value)")
    }
}

private func json(_ bytes: ByteBuffer) throws(BrokenInvariant) {
    guard let value = try? SocketValue(json: bytes) else { return }
    var wire = ByteBuffer()
    var attachments: [ByteBuffer] = []
    value.writeJSON(into: &wire, attachments: &attachments)
    guard let again = try? SocketValue(json: wire), again == value || hasNotANumber(value) else {
        throw BrokenInvariant(sentence: "a JSON value changed when it was written and read: \(value)")
    }
    _ = try? value.substitutingAttachments([ByteBuffer()])
}

/// NaN is unlike itself, and infinities become null.
private func hasNotANumber(_ value: SocketValue) -> Bool {
    switch value {
    case .double(let number): return !number.isFinite
    case .array(let elements): return elements.contains(where: hasNotANumber)
    case .object(let object): return object.contains { hasNotANumber($0.value) }
    default: return false
    }
}

private func query(_ bytes: ByteBuffer) {
    let query = EngineQuery(String(buffer: bytes))
    for isUpgrade in [false, true] {
        let request = EngineRequest(method: .get, query: query, isUpgrade: isUpgrade, origin: String(buffer: bytes))
        _ = try? request.purpose(EngineConfiguration(), current: isUpgrade ? .polling : nil)
    }
}
