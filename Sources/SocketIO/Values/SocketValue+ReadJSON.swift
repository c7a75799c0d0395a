public import NIOCore
public import ParleyModel

extension SocketValue {
    /// Parses all of a JSON value; there is no ``json(_:)`` in the result.
    ///
    /// A number is ``int(_:)`` when it is written without fraction and exponent and fits, otherwise ``double(_:)``, beyond the
    /// range of doubles infinite. Members of objects keep their order.
    /// - Parameters:
    ///   - json: Exactly one JSON value, UTF-8.
    ///   - maximumDepth: How many arrays and objects may stand inside each other.
    public init(json: ByteBuffer, maximumDepth: Int = JSONDepth.maximum) throws(JSONFailure) {
        // Checked as a whole first, so that what builds the tree can do without any checks, and a fault costs no tree.
        _ = try JSONScanner.scanValue(json, maximumDepth: maximumDepth)
        self = json.withUnsafeReadableBytes { bytes in
            var reader = CheckedJSONReader(bytes)
            return reader.value()
        }
    }
}

/// Builds the tree of JSON that ``JSONScanner`` has accepted. It would read beyond the end of anything else.
private struct CheckedJSONReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func value() -> SocketValue {
        switch self.nextByte() {
        case UInt8(ascii: "{"): return .object(self.object())
        case UInt8(ascii: "["): return .array(self.array())
        case UInt8(ascii: "\""): return .string(self.string())
        case UInt8(ascii: "n"):
            self.position += 4
            return .null
        case UInt8(ascii: "t"):
            self.position += 4
            return .bool(true)
        case UInt8(ascii: "f"):
            self.position += 5
            return .bool(false)
        default: return self.number()
        }
    }

    /// The next byte that is no space, without taking it.
    private mutating func nextByte() -> UInt8 {
        while self.bytes[self.position] <= 0x20 { self.position += 1 }
        return self.bytes[self.position]
    }

    private mutating func array() -> [SocketValue] {
        var elements: [SocketValue] = []
        self.position += 1
        while self.nextByte() != UInt8(ascii: "]") {
            elements.append(self.value())
            if self.nextByte() == UInt8(ascii: ",") { self.position += 1 }
        }
        self.position += 1
        return elements
    }

    private mutating func object() -> SocketObject {
        var object = SocketObject()
        self.position += 1
        while self.nextByte() == UInt8(ascii: "\"") {
            let key = self.string()
            _ = self.nextByte()
            self.position += 1  // colon
            object.append(key: key, value: self.value())
            if self.nextByte() == UInt8(ascii: ",") {
                self.position += 1
                _ = self.nextByte()
            }
        }
        self.position += 1
        return object
    }

    private mutating func string() -> String {
        self.position += 1
        let start = self.position
        while self.bytes[self.position] != UInt8(ascii: "\"") {
            self.position += self.bytes[self.position] == UInt8(ascii: "\\") ? 2 : 1
        }
        let contents = UnsafeRawBufferPointer(rebasing: self.bytes[start..<self.position])
        self.position += 1
        return JSONString.decode(contents: contents)
    }

    private mutating func number() -> SocketValue {
        let start = self.position
        let isNegative = self.bytes[start] == UInt8(ascii: "-")
        if isNegative { self.position += 1 }
        // Counted downwards, as there is one more number below zero than above.
        var negated: Int64 = 0
        var fits = true
        loop: while self.position < self.bytes.count {
            let byte = self.bytes[self.position]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let (product, overflows) = negated.multipliedReportingOverflow(by: 10)
                let (sum, overflowsToo) = product.subtractingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
                negated = sum
                fits = fits && !overflows && !overflowsToo
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-"):
                fits = false
            default: break loop
            }
            self.position += 1
        }
        if fits, isNegative { return .int(negated) }
        if fits, negated > .min { return .int(-negated) }
        return .double(Double(String(decoding: self.bytes[start..<self.position], as: UTF8.self)) ?? .nan)
    }
}
