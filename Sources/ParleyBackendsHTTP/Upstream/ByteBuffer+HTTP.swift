internal import NIOCore
internal import NIOHTTP1
internal import ParleyModel

/// HTTP/1.1 as it is on the wire (RFC 9112).
extension ByteBuffer {
    /// Status line and header lines (RFC 9112 §4).
    static func responseHead(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) -> ByteBuffer {
        var bytes = ByteBufferAllocator().buffer(capacity: 512)
        bytes.writeStaticString("HTTP/1.1 ")
        bytes.writeString(String(status.code))
        bytes.writeStaticString(" ")
        HeaderBytes.write(status.reasonPhrase, to: &bytes)
        bytes.writeStaticString("\r\n")
        bytes.writeHeaders(headers)
        return bytes
    }

    /// Header lines, and the empty one.
    mutating func writeHeaders(_ headers: HTTPHeaders) {
        for (name, value) in headers { HeaderBytes.writeLine(name, value, to: &self) }
        self.writeStaticString("\r\n")
    }

    /// The line before a chunk (RFC 9112 §7.1).
    static func chunkHeader(_ length: Int) -> ByteBuffer {
        ByteBuffer(string: String(length, radix: 16) + "\r\n")
    }

    /// What stands behind the last chunk (RFC 9112 §7.1.2).
    static func lastChunk(_ trailers: HTTPHeaders) -> ByteBuffer {
        var bytes = ByteBuffer(staticString: "0\r\n")
        bytes.writeHeaders(trailers)
        return bytes
    }
}
