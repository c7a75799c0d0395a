import NIOCore
import ParleyModel
import SocketIO
import Testing

@testable import ParleySocketIO

@Suite("An entry of a namespace's log")
struct NamespaceEntryTests {
    private static let speaker = ClientID(
        incarnation: NodeIncarnation(node: NodeID(rawValue: 7), number: 2),
        connection: ConnectionID(shard: 3, slot: 70_000, generation: 9)
    )

    private static let entries: [NamespaceEntry] = {
        let event = EncodedEvent("news", SocketArguments([.int(1), .binary(ByteBuffer(bytes: [0]))]), parser: .json)
        var quiet = Selection(rooms: ["a", "é"], except: ["b"], excluding: Self.speaker, excludedID: "me")
        quiet.options.compresses = false
        return [
            NamespaceEntry(selection: Selection(), content: .event(event, isNoted: false)),
            NamespaceEntry(selection: quiet, content: .event(event, isNoted: true)),
            NamespaceEntry(selection: Selection(except: ["x"]), content: .change(.join(["1", ""]))),
            NamespaceEntry(selection: Selection(rooms: ["x"]), content: .change(.leave([]))),
            NamespaceEntry(selection: quiet, content: .change(.disconnect(closes: true))),
            NamespaceEntry(selection: Selection(), content: .change(.disconnect(closes: false))),
        ]
    }()

    @Test("It is read as it was written", arguments: entries.indices)
    func written(index: Int) throws {
        let entry = Self.entries[index]
        let read = try #require(NamespaceEntry(entry.payload))
        #expect(read.payload == entry.payload)
        #expect(read.selection.rooms == entry.selection.rooms)
        #expect(read.selection.except == entry.selection.except)
        #expect(read.selection.excluding == entry.selection.excluding)
        #expect(read.selection.excludedID == entry.selection.excludedID)
        #expect(read.selection.options == entry.selection.options)
    }

    @Test("What is cut off, has more behind it or is of no kind is none", arguments: entries.indices)
    func broken(index: Int) throws {
        guard case .binary(let bytes) = Self.entries[index].payload else { return }
        for length in 0..<bytes.readableBytes {
            #expect(NamespaceEntry(.binary(bytes.getSlice(at: 0, length: length) ?? ByteBuffer())) == nil)
        }
        var longer = bytes
        longer.writeInteger(UInt8(0))
        #expect(NamespaceEntry(.binary(longer)) == nil)
        var other = bytes
        other.setInteger(UInt8(9), at: 0)
        #expect(NamespaceEntry(.binary(other)) == nil)
        #expect(NamespaceEntry(.text(bytes)) == nil)
    }

    @Test(
        "A position is told as text, and only what was told so is one",
        arguments: ["", "7", "7.", ".1", "8.zZ", "7.1.1", "7.-1", "7.+1", "07.1", "7.01", "seven", "7. 1"]
    )
    func positions(text: String) {
        #expect(StreamPosition(recoveryText: text) == nil)
        for position in [StreamPosition(epoch: .max, offset: 0), StreamPosition(epoch: 0, offset: .max)] {
            #expect(StreamPosition(recoveryText: position.recoveryText) == position)
        }
    }

    @Test(
        "A client claims nothing, a position, or what is none",
        arguments: [
            (nil, .nothing), (.null, .nothing), (.string("7.1"), .upTo(StreamPosition(epoch: 7, offset: 1))),
            (.string("x"), nil), (.int(1), nil), (.object(["a": .int(1)]), nil),
        ] as [(SocketValue?, RecoveryClaim?)]
    )
    func claims(offset: SocketValue?, claim: RecoveryClaim?) {
        #expect(RecoveryClaim(offset) == claim)
    }
}
