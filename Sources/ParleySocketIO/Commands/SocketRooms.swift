internal import ParleyModel

/// The rooms of a socket, in no order.
///
/// Rooms are the same when their names are the same bytes: unlike a `Set<String>`, which holds one of two spellings of `é`.
public struct SocketRooms: Sequence, Sendable, Equatable, ExpressibleByArrayLiteral {
    let names: Set<ExactString>

    init(_ names: Set<ExactString>) {
        self.names = names
    }

    public init(arrayLiteral rooms: String...) {
        self.names = Set(rooms.map { ExactString($0) })
    }

    public var count: Int { self.names.count }
    public var isEmpty: Bool { self.names.isEmpty }
    public var underestimatedCount: Int { self.names.count }

    public func contains(_ room: String) -> Bool { self.names.contains(ExactString(room)) }

    public func subtracting(_ rooms: some Sequence<String>) -> SocketRooms {
        SocketRooms(self.names.subtracting(rooms.map { ExactString($0) }))
    }

    public func makeIterator() -> some IteratorProtocol<String> { self.names.lazy.map(\.text).makeIterator() }
}
