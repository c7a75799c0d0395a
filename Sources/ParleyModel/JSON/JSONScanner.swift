public import NIOCore
internal import ParleyText

/// A JSON value found in a buffer, as the range of its bytes. Nothing is decoded until somebody asks.
public struct JSONValue: Sendable, Equatable {
    public enum Kind: Sendable { case object, array, string, number, bool, null }

    public let kind: Kind
    /// Offsets from the reader index of the buffer that was scanned.
    public let range: Range<Int>
}

/// Why bytes are not the JSON that was asked for.
public struct JSONFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Reason: String, Sendable {
        case malformed = "malformed JSON"
        case tooDeep = "JSON nested too deeply"
        case notAnObject = "expected a JSON object"
        case notAnArray = "expected a JSON array"
    }

    public let reason: Reason
    /// Where in the input, in bytes from its start.
    public let position: Int

    public var description: String { "\(self.reason.rawValue) at byte \(self.position)" }
}

/// Finds the members of a JSON object without decoding their values, so that they can be passed on byte for byte.
///
/// Strict RFC 8259: no comments, trailing commas, leading zeros, bare words or raw control characters. The input must be
/// UTF-8 already. Nesting is bounded, so that the scanner's recursion is.
public struct JSONScanner {
    /// Far beyond what applications nest, far below what the stack holds.
    public static let defaultMaximumDepth = 128

    let bytes: UnsafeRawBufferPointer
    let maximumDepth: Int
    var position = 0

    init(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    /// Checks that the readable bytes of `buffer` are one JSON object, and calls `member` for each of its top-level members in order.
    ///
    /// `key` is decoded only if it has escapes. A repeated key is reported each time; by the usual rule the last one counts.
    public static func scanObject(
        _ buffer: ByteBuffer,
        maximumDepth: Int = defaultMaximumDepth,
        member: (_ key: JSONKey, _ value: JSONValue) -> Void
    ) throws(JSONFailure) {
        let failure: JSONFailure? = buffer.withUnsafeReadableBytes { bytes in
            var scanner = JSONScanner(bytes, maximumDepth: maximumDepth)
            do throws(JSONFailure) {
                try scanner.topLevelObject(member)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Checks that the readable bytes of `buffer` are exactly one JSON value of any kind, and returns it without surrounding space.
    public static func scanValue(
        _ buffer: ByteBuffer,
        maximumDepth: Int = defaultMaximumDepth
    ) throws(JSONFailure) -> JSONValue {
        let result: Result<JSONValue, JSONFailure> = buffer.withUnsafeReadableBytes { bytes in
            var scanner = JSONScanner(bytes, maximumDepth: maximumDepth)
            do throws(JSONFailure) {
                scanner.skipSpace()
                let value = try scanner.value(depth: 1)
                try scanner.end()
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// The key of an object member while it is being visited.
public struct JSONKey {
    let bytes: UnsafeRawBufferPointer
    let hasEscapes: Bool

    public static func == (key: JSONKey, text: StaticString) -> Bool {
        if key.hasEscapes {
            return JSONString.decode(key.bytes).hasSameBytes(as: text.description)
        }
        guard key.bytes.count == text.utf8CodeUnitCount else { return false }
        return key.bytes.elementsEqual(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    public var string: String { JSONString.decode(self.bytes) }

    /// The key where it names something: `nil` with half of a surrogate pair in it, see ``JSONString/decodeName(_:in:)``.
    public var name: String? {
        self.hasEscapes && JSONString.hasLoneSurrogate(self.bytes) ? nil : self.string
    }
}

extension JSONScanner {
    private mutating func topLevelObject(_ member: (JSONKey, JSONValue) -> Void) throws(JSONFailure) {
        self.skipSpace()
        guard self.peek() == UInt8(ascii: "{") else {
            // Tell a wrong kind of JSON from what is no JSON at all.
            _ = try self.value(depth: 1)
            try self.end()
            throw JSONFailure(reason: .notAnObject, position: 0)
        }
        self.position += 1
        try self.members(depth: 1, visit: member)
        try self.end()
    }

    mutating func topLevelArray(_ element: (JSONValue) -> Void) throws(JSONFailure) {
        self.skipSpace()
        guard self.peek() == UInt8(ascii: "[") else {
            _ = try self.value(depth: 1)
            try self.end()
            throw JSONFailure(reason: .notAnArray, position: 0)
        }
        self.position += 1
        try self.elements(depth: 1, visit: element)
        try self.end()
    }

    private mutating func end() throws(JSONFailure) {
        self.skipSpace()
        guard self.position == self.bytes.count else { throw self.malformed }
    }

    private var malformed: JSONFailure { JSONFailure(reason: .malformed, position: self.position) }

    @inline(__always)
    private func peek() -> UInt8? {
        self.position < self.bytes.count ? self.bytes[self.position] : nil
    }

    @inline(__always)
    private mutating func skipSpace() {
        while self.position < self.bytes.count {
            switch self.bytes[self.position] {
            case 0x20, 0x0A, 0x0D, 0x09: self.position += 1
            default: return
            }
        }
    }

    /// After `{`: members up to and with `}`.
    private mutating func members(depth: Int, visit: (JSONKey, JSONValue) -> Void) throws(JSONFailure) {
        guard depth <= self.maximumDepth else { throw JSONFailure(reason: .tooDeep, position: self.position) }
        self.skipSpace()
        if self.peek() == UInt8(ascii: "}") {
            self.position += 1
            return
        }
        while true {
            self.skipSpace()
            let keyStart = self.position + 1
            let hasEscapes = try self.string()
            let key = JSONKey(
                bytes: UnsafeRawBufferPointer(rebasing: self.bytes[keyStart..<self.position - 1]),
                hasEscapes: hasEscapes
            )
            self.skipSpace()
            guard self.peek() == UInt8(ascii: ":") else { throw self.malformed }
            self.position += 1
            self.skipSpace()
            let value = try self.value(depth: depth + 1)
            visit(key, value)
            self.skipSpace()
            switch self.peek() {
            case UInt8(ascii: ","): self.position += 1
            case UInt8(ascii: "}"):
                self.position += 1
                return
            default: throw self.malformed
            }
        }
    }

    /// After `[`: elements up to and with `]`.
    private mutating func elements(depth: Int, visit: (JSONValue) -> Void) throws(JSONFailure) {
        guard depth <= self.maximumDepth else { throw JSONFailure(reason: .tooDeep, position: self.position) }
        self.skipSpace()
        if self.peek() == UInt8(ascii: "]") {
            self.position += 1
            return
        }
        while true {
            self.skipSpace()
            visit(try self.value(depth: depth + 1))
            self.skipSpace()
            switch self.peek() {
            case UInt8(ascii: ","): self.position += 1
            case UInt8(ascii: "]"):
                self.position += 1
                return
            default: throw self.malformed
            }
        }
    }

    private mutating func value(depth: Int) throws(JSONFailure) -> JSONValue {
        let start = self.position
        let kind: JSONValue.Kind
        switch self.peek() {
        case UInt8(ascii: "{"):
            self.position += 1
            try self.members(depth: depth, visit: { _, _ in })
            kind = .object
        case UInt8(ascii: "["):
            self.position += 1
            try self.elements(depth: depth, visit: { _ in })
            kind = .array
        case UInt8(ascii: "\""):
            _ = try self.string()
            kind = .string
        case UInt8(ascii: "t"):
            try self.word("true")
            kind = .bool
        case UInt8(ascii: "f"):
            try self.word("false")
            kind = .bool
        case UInt8(ascii: "n"):
            try self.word("null")
            kind = .null
        default:
            try self.number()
            kind = .number
        }
        return JSONValue(kind: kind, range: start..<self.position)
    }

    private mutating func word(_ text: StaticString) throws(JSONFailure) {
        let expected = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard self.bytes.count - self.position >= expected.count,
            self.bytes[self.position..<self.position + expected.count].elementsEqual(expected)
        else { throw self.malformed }
        self.position += expected.count
    }

    /// From the opening quote to behind the closing one.
    /// - Returns: Whether there are escapes in it.
    private mutating func string() throws(JSONFailure) -> Bool {
        guard self.peek() == UInt8(ascii: "\"") else { throw self.malformed }
        self.position += 1
        var hasEscapes = false
        while self.position < self.bytes.count {
            let byte = self.bytes[self.position]
            if byte == UInt8(ascii: "\"") {
                self.position += 1
                return hasEscapes
            }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                try self.escape()
            } else if byte < 0x20 {
                throw self.malformed
            } else {
                self.position += 1
            }
        }
        throw self.malformed
    }

    private mutating func escape() throws(JSONFailure) {
        self.position += 1
        switch self.peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            self.position += 1
        case UInt8(ascii: "u"):
            self.position += 1
            for _ in 0..<4 {
                guard let byte = self.peek(), Hexadecimal.value(of: byte) != nil else { throw self.malformed }
                self.position += 1
            }
        default:
            throw self.malformed
        }
    }

    private mutating func number() throws(JSONFailure) {
        if self.peek() == UInt8(ascii: "-") { self.position += 1 }
        if self.peek() == UInt8(ascii: "0") {
            self.position += 1
        } else {
            try self.digits()
        }
        if self.peek() == UInt8(ascii: ".") {
            self.position += 1
            try self.digits()
        }
        if let byte = self.peek(), byte | 0x20 == UInt8(ascii: "e") {
            self.position += 1
            if let sign = self.peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { self.position += 1 }
            try self.digits()
        }
    }

    private mutating func digits() throws(JSONFailure) {
        let start = self.position
        while let byte = self.peek(), byte.isASCIIDigit { self.position += 1 }
        guard self.position > start else { throw self.malformed }
    }
}
