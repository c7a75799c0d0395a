public import NIOCore

/// Writes one JSON object, its keys in the order in which they are given.
public struct JSONObjectWriter {
    private var buffer = ByteBuffer()
    private var isEmpty = true

    private init() {}

    /// The bytes of an object with the members that `body` writes.
    public static func object(_ body: (inout JSONObjectWriter) -> Void) -> ByteBuffer {
        var writer = JSONObjectWriter()
        writer.buffer.writeInteger(UInt8(ascii: "{"))
        body(&writer)
        writer.buffer.writeInteger(UInt8(ascii: "}"))
        return writer.buffer
    }

    public mutating func write(_ key: String, _ value: String) {
        self.begin(key)
        self.buffer.writeJSONString(value)
    }

    public mutating func write(_ key: String, _ value: Int) {
        self.begin(key)
        self.buffer.writeString("\(value)")
    }

    public mutating func write(_ key: String, _ value: Bool) {
        self.begin(key)
        self.buffer.writeStaticString(value ? "true" : "false")
    }

    public mutating func write(_ key: String, _ values: [String]) {
        self.begin(key)
        self.buffer.writeInteger(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { self.buffer.writeInteger(UInt8(ascii: ",")) }
            self.buffer.writeJSONString(value)
        }
        self.buffer.writeInteger(UInt8(ascii: "]"))
    }

    /// - Parameter json: One JSON value, checked; `nil`: null.
    public mutating func write(_ key: String, json: ByteBuffer?) {
        self.begin(key)
        if let json { self.buffer.writeImmutableBuffer(json) } else { self.buffer.writeStaticString("null") }
    }

    public mutating func write(_ key: String, object body: (inout JSONObjectWriter) -> Void) {
        self.write(key, json: Self.object(body))
    }

    private mutating func begin(_ key: String) {
        if !self.isEmpty { self.buffer.writeInteger(UInt8(ascii: ",")) }
        self.isEmpty = false
        self.buffer.writeJSONString(key)
        self.buffer.writeInteger(UInt8(ascii: ":"))
    }
}
