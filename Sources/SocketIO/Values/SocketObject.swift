internal import ParleyModel

/// The members of a JSON object in the order in which they were sent or added.
///
/// Looking one up takes time in proportion to their number; objects on the wire are small. A key that was sent twice is
/// there twice, and the last one counts.
public struct SocketObject: Sendable {
    public typealias Member = (key: String, value: SocketValue)

    private var members: [Member] = []

    public init() {}

    /// Takes the members as they are: none is looked for.
    public init(_ members: some Sequence<Member>) {
        self.members = Array(members)
    }

    /// How many members there are, those with the same key included.
    public var count: Int { self.members.count }

    public var isEmpty: Bool { self.members.isEmpty }

    /// The value of a key, or `nil` without such a member; setting `nil` removes it. A new key comes last.
    ///
    /// Keys are compared byte for byte, as JavaScript does: `é` has two spellings, and they are two keys.
    public subscript(key: String) -> SocketValue? {
        get { self.members.last { $0.key.hasSameBytes(as: key) }?.value }
        set {
            guard let newValue else {
                self.members.removeAll { $0.key.hasSameBytes(as: key) }
                return
            }
            if let index = self.members.lastIndex(where: { $0.key.hasSameBytes(as: key) }) {
                self.members[index].value = newValue
            } else {
                self.members.append((key, newValue))
            }
        }
    }

    /// Adds a member at the end without looking for its key, which is the way to fill a large object.
    public mutating func append(key: String, value: SocketValue) {
        self.members.append((key, value))
    }
}

extension SocketObject: Sequence {
    public func makeIterator() -> IndexingIterator<[Member]> { self.members.makeIterator() }

    public var underestimatedCount: Int { self.members.count }
}

extension SocketObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, SocketValue)...) {
        self.init(elements.lazy.map { (key: $0.0, value: $0.1) })
    }
}

extension SocketObject: Equatable {
    /// The same keys with the same values, in any order.
    public static func == (lhs: SocketObject, rhs: SocketObject) -> Bool {
        // Most objects that are equal have been made alike.
        if lhs.members.elementsEqual(rhs.members, by: { $0.key.hasSameBytes(as: $1.key) && $0.value == $1.value }) {
            return true
        }
        return lhs.byKey == rhs.byKey
    }

    private var byKey: [[UInt8]: SocketValue] {
        Dictionary(self.members.lazy.map { (Array($0.key.utf8), $0.value) }, uniquingKeysWith: { $1 })
    }
}
