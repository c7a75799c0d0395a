internal import NIOCore
internal import NIOHTTP1
internal import ParleyModel

/// What has come of later requests while one is being answered: answers go out in the order of the requests
/// (RFC 9112 §9.3.2), whatever follows them.
struct RequestQueue {
    enum Item {
        case part(HTTPServerRequestPart)
        /// What came is no request; nothing after it can be one.
        case failed(Refusal)
        /// The client has said its last. It may still listen.
        case inputClosed
    }

    /// What a head costs beside the bytes of its fields.
    private static let headOverhead = 512

    private var items = CircularBuffer<Item>()
    /// About what it holds of memory.
    private(set) var byteCount = 0

    var isEmpty: Bool { self.items.isEmpty }

    /// Whether all that follows is the end.
    var isOnlyTheEnd: Bool {
        if case .inputClosed = self.items.first { return true }
        return false
    }

    mutating func append(_ item: Item) {
        self.byteCount += Self.size(of: item)
        self.items.append(item)
    }

    mutating func popFirst() -> Item? {
        guard let item = self.items.popFirst() else { return nil }
        self.byteCount -= Self.size(of: item)
        return item
    }

    mutating func removeAll() {
        self.items.removeAll()
        self.byteCount = 0
    }

    private static func size(of item: Item) -> Int {
        switch item {
        case .part(.head(let head)):
            head.headers.reduce(Self.headOverhead + head.uri.utf8.count) {
                $0 + $1.name.utf8.count + $1.value.utf8.count + 32
            }
        case .part(.body(let piece)): piece.readableBytes
        case .part(.end), .failed, .inputClosed: 0
        }
    }
}
