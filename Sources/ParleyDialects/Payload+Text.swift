internal import NIOCore
internal import ParleyModel

extension Payload {
    /// How a dialect that knows only text shows this payload: text and JSON as they are, a `message` event with one string
    /// argument as that string, other events as their JSON arguments, bytes as text if they are UTF-8, else in base64.
    var displayText: ByteBuffer {
        switch self {
        case .text(let bytes):
            return bytes
        case .json(let bytes):
            return Self.unquoted(bytes) ?? bytes
        case .binary(let bytes):
            return TextLength.isUTF8(bytes) ? bytes : Base64.encode(bytes)
        case .event(let name, let arguments):
            guard name == "message" else { return arguments }
            return Self.onlyElement(of: arguments).flatMap(Self.unquoted) ?? arguments
        }
    }

    /// The text of a JSON string.
    private static func unquoted(_ json: ByteBuffer) -> ByteBuffer? {
        guard let value = try? JSONScanner.scanValue(json), let text = JSONString.decode(value, in: json) else {
            return nil
        }
        return ByteBuffer(string: text)
    }

    /// What stands between the brackets of a JSON array with one scalar.
    private static func onlyElement(of array: ByteBuffer) -> ByteBuffer? {
        guard array.readableBytes > 2 else { return nil }
        return array.getSlice(at: array.readerIndex + 1, length: array.readableBytes - 2)
    }

    /// Appends this payload as one JSON value: JSON and arguments raw, text and bytes as a string.
    func writeJSON(into buffer: inout ByteBuffer) {
        switch self {
        case .json(let bytes), .event(_, let bytes):
            buffer.writeImmutableBuffer(bytes)
        case .text(let bytes):
            buffer.writeJSONString(utf8: bytes)
        case .binary:
            buffer.writeJSONString(utf8: self.displayText)
        }
    }
}

/// RFC 4648 §4, for bytes that must travel as text.
enum Base64 {
    static func encode(_ bytes: ByteBuffer) -> ByteBuffer {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var output = ByteBufferAllocator().buffer(capacity: (bytes.readableBytes + 2) / 3 * 4)
        var input = bytes.readableBytesView[...]
        while let first = input.popFirst() {
            let second = input.popFirst()
            let third = input.popFirst()
            let group = UInt32(first) << 16 | UInt32(second ?? 0) << 8 | UInt32(third ?? 0)
            output.writeInteger(alphabet[Int(group >> 18 & 63)])
            output.writeInteger(alphabet[Int(group >> 12 & 63)])
            output.writeInteger(second == nil ? UInt8(ascii: "=") : alphabet[Int(group >> 6 & 63)])
            output.writeInteger(third == nil ? UInt8(ascii: "=") : alphabet[Int(group & 63)])
        }
        return output
    }
}
