internal import NIOCore
internal import ParleyText

extension ByteBuffer {
    /// Appends the readable bytes of `bytes` in base64.
    mutating func writeBase64(of bytes: ByteBuffer) {
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: Base64.encodedCount(bytes.readableBytes)) { output in
            bytes.withUnsafeReadableBytes { Base64.encode($0, into: output) }
        }
    }

    /// The bytes that the readable ones stand for, read leniently, as some clients leave the padding out; `nil`: they are no
    /// base64.
    func decodedBase64() -> ByteBuffer? {
        self.withUnsafeReadableBytes { text in
            let maximum = Base64.maximumDecodedCount(text.count)
            var buffer = ByteBufferAllocator().buffer(capacity: maximum)
            var isRefused = false
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: maximum) { output in
                let count = Base64.decode(text, .lenient, into: output)
                isRefused = count == nil
                return count ?? 0
            }
            return isRefused ? nil : buffer
        }
    }
}
