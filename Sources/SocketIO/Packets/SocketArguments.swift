internal import NIOCore
internal import ParleyModel

/// The arguments of an event or acknowledgement.
///
/// Those that came over the wire without binary are kept as the bytes in which they came: passed on unchanged they cost
/// nothing, and are only parsed when somebody looks.
public struct SocketArguments: Sendable, RandomAccessCollection, ExpressibleByArrayLiteral {
    enum Storage: Sendable {
        /// Checked JSON values with commas between them.
        case raw(ByteBuffer, count: Int)
        case values([SocketValue])
    }

    let storage: Storage

    init(raw: ByteBuffer, count: Int) {
        self.storage = .raw(raw, count: count)
    }

    public init(_ values: [SocketValue]) {
        self.storage = .values(values)
    }

    public init(arrayLiteral elements: any SocketValueConvertible...) {
        self.init(elements.map(\.socketValue))
    }

    public static let none = SocketArguments([])

    public var startIndex: Int { 0 }
    public var endIndex: Int {
        switch self.storage {
        case .raw(_, let count): return count
        case .values(let values): return values.count
        }
    }

    /// An argument; ``SocketValue/null`` beyond the last, as in JavaScript.
    ///
    /// Looks for it from the first on: to have many of them, iterate or take ``values``.
    public subscript(position: Int) -> SocketValue {
        switch self.storage {
        case .values(let values):
            return values.indices.contains(position) ? values[position] : .null
        case .raw(let bytes, let count):
            guard (0..<count).contains(position) else { return .null }
            return Self.element(position, of: bytes)
        }
    }

    /// One scan for all of them, where the subscript scans for each.
    public func makeIterator() -> IndexingIterator<[SocketValue]> { self.values.makeIterator() }

    /// All of them, one parse for each at most.
    public var values: [SocketValue] {
        switch self.storage {
        case .values(let values): return values
        case .raw(let bytes, let count):
            var values: [SocketValue] = []
            values.reserveCapacity(count)
            Self.forEach(bytes) { values.append(.json(bytes.slice(of: $0))) }
            return values
        }
    }

    /// Appends the arguments with commas between them, and cuts binary out.
    func write(into json: inout ByteBuffer, attachments: inout [ByteBuffer]) {
        switch self.storage {
        case .raw(let bytes, _):
            json.writeImmutableBuffer(bytes)
        case .values(let values):
            var isFirst = true
            for value in values {
                if !isFirst { json.writeInteger(UInt8(ascii: ",")) }
                isFirst = false
                value.writeJSON(into: &json, attachments: &attachments)
            }
        }
    }

    /// A copy that owns just its own bytes: what came from the wire is a slice of a read buffer.
    public func detached() -> SocketArguments {
        guard case .raw(let bytes, let count) = self.storage else { return self }
        var copy = ByteBufferAllocator().buffer(capacity: bytes.readableBytes)
        copy.writeImmutableBuffer(bytes)
        return SocketArguments(raw: copy, count: count)
    }

    private static func element(_ position: Int, of bytes: ByteBuffer) -> SocketValue {
        var index = 0
        var found = SocketValue.null
        Self.forEach(bytes) { value in
            if index == position { found = .json(bytes.slice(of: value)) }
            index += 1
        }
        return found
    }

    /// What stands here was checked when it came.
    private static func forEach(_ bytes: ByteBuffer, _ body: (JSONValue) -> Void) {
        JSONScanner.forEachElement(ofChecked: bytes, body)
    }
}
