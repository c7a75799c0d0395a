internal import NIOCore
internal import ParleyModel
internal import ParleyText

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
            return TextLength.isUTF8(bytes) ? bytes : Self.base64(of: bytes)
        case .event(let name, let arguments):
            guard name == "message" else { return arguments }
            return Self.onlyElement(of: arguments).flatMap(Self.unquoted) ?? arguments
        }
    }

    private static func base64(of bytes: ByteBuffer) -> ByteBuffer {
        let count = Base64.encodedCount(bytes.readableBytes)
        var text = ByteBufferAllocator().buffer(capacity: count)
        text.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { output in
            bytes.withUnsafeReadableBytes { Base64.encode($0, into: output) }
        }
        return text
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
