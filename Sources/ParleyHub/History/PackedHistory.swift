internal import NIOCore
internal import ParleyModel

/// Publications that nobody looks at, in one block of the size that they have: a buffer for each would be up to twice as large,
/// as allocators round up.
struct PackedHistory {
    private enum Kind {
        case text, json, binary
        /// How many bytes of the block are its name.
        case event(nameBytes: Int)
    }

    private struct Entry {
        let offset: UInt64
        let time: WallTime
        /// Index of who said it.
        let sender: Int
        let kind: Kind
        /// Where its bytes end; they begin where those of the one before end.
        let end: Int
    }

    private let senders: [Sender]
    private let entries: [Entry]
    private let bytes: [UInt8]

    init(_ publications: some Collection<Publication>) {
        var senders: [Sender] = []
        var entries: [Entry] = []
        entries.reserveCapacity(publications.count)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(publications.reduce(0) { $0 + $1.payload.byteCount })
        for publication in publications {
            // As a rule the same few; beyond a few it is not worth looking further.
            let known = senders.suffix(8).lastIndex { $0 == publication.sender }
            if known == nil { senders.append(publication.sender) }
            let kind: Kind
            switch publication.payload {
            case .text(let text):
                kind = .text
                bytes += text.readableBytesView
            case .json(let json):
                kind = .json
                bytes += json.readableBytesView
            case .binary(let binary):
                kind = .binary
                bytes += binary.readableBytesView
            case .event(let name, let arguments):
                kind = .event(nameBytes: name.utf8.count)
                bytes += name.utf8
                bytes += arguments.readableBytesView
            }
            entries.append(
                Entry(
                    offset: publication.offset,
                    time: publication.time,
                    sender: known ?? senders.count - 1,
                    kind: kind,
                    end: bytes.count
                )
            )
        }
        self.senders = senders
        self.entries = entries
        self.bytes = bytes
    }

    var count: Int { self.entries.count }

    var offsets: ClosedRange<UInt64>? {
        guard let first = self.entries.first, let last = self.entries.last else { return nil }
        return first.offset...last.offset
    }

    /// What it holds in memory, about: the block, the list of publications and that of their senders.
    var memoryBytes: Int {
        self.bytes.count + self.entries.count * MemoryLayout<Entry>.stride
            + self.senders.reduce(0) { $0 + MemoryLayout<Sender>.stride + $1.id.utf8.count + $1.name.utf8.count }
    }

    func forEachPublication(_ body: (Publication) -> Void) {
        var start = 0
        for entry in self.entries {
            let bytes = self.bytes[start..<entry.end]
            start = entry.end
            let payload: Payload
            switch entry.kind {
            case .text: payload = .text(ByteBuffer(bytes: bytes))
            case .json: payload = .json(ByteBuffer(bytes: bytes))
            case .binary: payload = .binary(ByteBuffer(bytes: bytes))
            case .event(let nameBytes):
                payload = .event(
                    name: String(decoding: bytes.prefix(nameBytes), as: UTF8.self),
                    arguments: ByteBuffer(bytes: bytes.dropFirst(nameBytes))
                )
            }
            body(
                Publication(
                    offset: entry.offset,
                    time: entry.time,
                    sender: self.senders[entry.sender],
                    payload: payload
                )
            )
        }
    }
}
