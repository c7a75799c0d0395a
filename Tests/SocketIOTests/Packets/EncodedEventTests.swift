import NIOCore
import ParleyModel
import Testing

@testable import SocketIO

@Suite("An event that is written once for many receivers")
struct EncodedEventTests {
    static let arguments: [SocketArguments] = [
        .none, SocketArguments([.string("text"), .int(1), .null]),
        SocketArguments(raw: ByteBuffer(string: #"{"a":[1,2.50]},"é""#), count: 2),
        SocketArguments([.binary(ByteBuffer(bytes: [0, 255])), .object(["b": .binary(ByteBuffer())])]),
        SocketArguments((0..<20).map { .int($0) }),
    ]

    @Test(
        "It reads as if it had been written for each",
        arguments: [SocketParser.json, .messagePack],
        arguments
    )
    func packet(parser: SocketParser, arguments: SocketArguments) throws {
        let event = EncodedEvent("na\"me", arguments, parser: parser)
        for (namespace, id, offset) in [("/", nil, nil), ("/a", 7, nil), ("/b", nil, "x.1")]
            as [(String, UInt64?, String?)]
        {
            let packet = event.packet(namespace: namespace, id: id, offset: offset)
            let direct = parser.event("na\"me", arguments, namespace: namespace, id: id, offset: offset)
            #expect(packet.text == direct.text)
            #expect(packet.attachments == direct.attachments)
        }
        #expect(event.nameAndArguments?.name == "na\"me")
        #expect(event.nameAndArguments?.arguments.values == arguments.values)
    }

    @Test("It is the same when it has been kept as bytes", arguments: [SocketParser.json, .messagePack], arguments)
    func kept(parser: SocketParser, arguments: SocketArguments) {
        let event = EncodedEvent("e", arguments, parser: parser)
        var bytes = ByteBuffer()
        event.write(into: &bytes)
        let whole = bytes
        #expect(EncodedEvent(reading: &bytes) == event)
        #expect(bytes.readableBytes == 0)
        for length in 0..<whole.readableBytes {
            var part = whole.getSlice(at: 0, length: length) ?? ByteBuffer()
            #expect(EncodedEvent(reading: &part) == nil)
        }
    }
}
