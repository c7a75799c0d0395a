package import NIOCore

/// How a server writes values: for whoever stands in for one.
extension ByteBuffer {
    /// In version 3 of the protocol. Lines may have no line end in them: it is left to the caller to give none.
    package mutating func writeRESPValue(_ value: RESPValue) {
        switch value {
        case .null: self.writeStaticString("_\r\n")
        case .simpleString(let bytes): self.writeRESPLine("+", bytes)
        case .simpleError(let bytes): self.writeRESPLine("-", bytes)
        case .bigNumber(let bytes): self.writeRESPLine("(", bytes)
        case .bulkString(let bytes): self.writeRESPString("$", bytes)
        case .bulkError(let bytes): self.writeRESPString("!", bytes)
        case .verbatim(let format, let text):
            var bytes = format
            bytes.writeStaticString(":")
            bytes.writeImmutableBuffer(text)
            self.writeRESPString("=", bytes)
        case .integer(let number): self.writeRESPHead(":", number)
        case .double(let number): self.writeRESPLine(",", ByteBuffer(string: "\(number)"))
        case .boolean(let isTrue): self.writeString(isTrue ? "#t\r\n" : "#f\r\n")
        case .array(let values): self.writeRESPValues("*", values)
        case .set(let values): self.writeRESPValues("~", values)
        case .push(let values): self.writeRESPValues(">", values)
        case .map(let pairs): self.writeRESPPairs("%", pairs)
        case .attributed(let inner, let pairs):
            self.writeRESPPairs("|", pairs)
            self.writeRESPValue(inner)
        }
    }

    private mutating func writeRESPHead(_ type: Unicode.Scalar, _ number: Int64) {
        self.writeInteger(UInt8(ascii: type))
        RESPDigits(number).write(into: &self)
        self.writeStaticString("\r\n")
    }

    private mutating func writeRESPLine(_ type: Unicode.Scalar, _ bytes: ByteBuffer) {
        self.writeInteger(UInt8(ascii: type))
        self.writeImmutableBuffer(bytes)
        self.writeStaticString("\r\n")
    }

    private mutating func writeRESPString(_ type: Unicode.Scalar, _ bytes: ByteBuffer) {
        self.writeRESPHead(type, Int64(bytes.readableBytes))
        self.writeImmutableBuffer(bytes)
        self.writeStaticString("\r\n")
    }

    private mutating func writeRESPValues(_ type: Unicode.Scalar, _ values: [RESPValue]) {
        self.writeRESPHead(type, Int64(values.count))
        for value in values { self.writeRESPValue(value) }
    }

    private mutating func writeRESPPairs(_ type: Unicode.Scalar, _ pairs: [RESPPair]) {
        self.writeRESPHead(type, Int64(pairs.count))
        for pair in pairs {
            self.writeRESPValue(pair.key)
            self.writeRESPValue(pair.value)
        }
    }
}
