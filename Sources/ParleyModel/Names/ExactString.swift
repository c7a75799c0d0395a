internal import ParleyText

/// Text that names something: equal to the very same bytes and to nothing else.
///
/// `String` compares by canonical equivalence (Unicode Standard Annex #15): `é` as one scalar and as two, or `K` and the Kelvin
/// sign, are one string, and one key of a dictionary. Where a name decides who is who, that lets one peer pass for another; on
/// the wire, in JavaScript and in SQLite they are two. Names from peers are therefore compared and kept as this type.
public struct ExactString: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringInterpolation {
    public let text: String

    public init(_ text: String) {
        self.text = text
    }

    public init(stringLiteral text: String) {
        self.text = text
    }

    public var description: String { self.text }

    public static func == (one: ExactString, other: ExactString) -> Bool { one.text.hasSameBytes(as: other.text) }

    public func hash(into hasher: inout Hasher) {
        var text = self.text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension ExactString: Comparable {
    /// By bytes, which for UTF-8 is the order of scalars.
    public static func < (one: ExactString, other: ExactString) -> Bool {
        one.text.utf8.lexicographicallyPrecedes(other.text.utf8)
    }
}

extension StringProtocol {
    /// Whether both are spelled alike, byte for byte; `==` takes canonically equivalent spellings for the same text.
    public func hasSameBytes(as other: some StringProtocol) -> Bool {
        let (one, other) = (self.utf8, other.utf8)
        // Told by their lengths mostly, and without an iterator where the bytes lie together, as they nearly always do.
        guard one.count == other.count else { return false }
        let isSame = one.withContiguousStorageIfAvailable { mine in
            other.withContiguousStorageIfAvailable { theirs in
                for index in mine.indices where mine[index] != theirs[index] { return false }
                return true
            }
        }
        return (isSame ?? nil) ?? one.elementsEqual(other)
    }

    /// The same for what is spelled in any case, such as hosts: A to Z are a to z, and no other letter is another.
    public func hasSameBytesInAnyCase(as other: some StringProtocol) -> Bool {
        self.utf8.count == other.utf8.count
            && self.utf8.elementsEqual(other.utf8) { $0.asciiLowercased == $1.asciiLowercased }
    }

    /// A to Z as a to z, all else as it is. `lowercased()` makes a k of the Kelvin sign.
    public var asciiLowercased: String { String(decoding: self.utf8.map(\.asciiLowercased), as: UTF8.self) }
}
