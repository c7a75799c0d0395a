package import NIOCore

/// What a value is to somebody who knows what was asked for, whichever version of the protocol it came in.
extension RESPValue {
    /// Without remarks.
    package var bare: RESPValue {
        var value = self
        while case .attributed(let inner, _) = value { value = inner }
        return value
    }

    package var isNull: Bool { self.bare == .null }

    /// The bytes of a string of any kind.
    package var bytes: ByteBuffer? {
        switch self.bare {
        case .simpleString(let bytes), .bulkString(let bytes), .verbatim(_, let bytes): bytes
        default: nil
        }
    }

    /// A string of any kind as text, bytes that are no UTF-8 replaced.
    package var text: String? { self.bytes.map { String(buffer: $0) } }

    /// A number, or a string that is one: scripts and version 2 have many numbers as strings.
    package var integer: Int64? {
        if case .integer(let number) = self.bare { return number }
        return self.bytes.flatMap { RESPNumber.integer($0.readableBytesView) }
    }

    /// The elements of an array, a set or a push.
    package var elements: [RESPValue]? {
        switch self.bare {
        case .array(let elements), .set(let elements), .push(let elements): elements
        default: nil
        }
    }

    /// A map, or the array of keys and values that version 2 has for it.
    package var pairs: [RESPPair]? {
        if case .map(let pairs) = self.bare { return pairs }
        guard let elements = self.elements, elements.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: elements.count, by: 2).map { RESPPair(elements[$0], elements[$0 + 1]) }
    }

    /// What a map has under a key that is text.
    package subscript(key: String) -> RESPValue? {
        self.pairs?.first { $0.key.bytes?.readableBytesView.elementsEqual(key.utf8) == true }?.value
    }

    package var error: RESPErrorReply? {
        switch self.bare {
        case .simpleError(let bytes), .bulkError(let bytes): RESPErrorReply(bytes)
        default: nil
        }
    }

    package var isError: Bool {
        switch self.bare {
        case .simpleError, .bulkError: true
        default: false
        }
    }

    package static func simple(_ text: String) -> Self { .simpleString(ByteBuffer(string: text)) }
    package static func bulk(_ text: String) -> Self { .bulkString(ByteBuffer(string: text)) }
    package static func error(_ text: String) -> Self { .simpleError(ByteBuffer(string: text)) }
}
