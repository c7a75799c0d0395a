internal import CZlib
public import NIOCore

/// RFC 1952: one buffer, compressed whole. For HTTP answers.
public enum GzipEncoder {
    /// - Returns: `nil` when zlib has no memory.
    public static func compress(_ input: ByteBuffer) -> ByteBuffer? {
        var stream = z_stream()
        // 16 more than the window's bits: with gzip's header and trailer.
        guard
            deflateInit2_(
                &stream,
                Z_DEFAULT_COMPRESSION,
                Z_DEFLATED,
                15 + 16,
                8,
                Z_DEFAULT_STRATEGY,
                ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)
            ) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        var output = ByteBufferAllocator().buffer(capacity: Int(deflateBound(&stream, uLong(input.readableBytes))))
        let isWhole = input.withUnsafeReadableBytes { source in
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: output.capacity) { target in
                stream.next_in = UnsafeMutablePointer(mutating: source.bindMemory(to: Bytef.self).baseAddress)
                stream.avail_in = uInt(source.count)
                stream.next_out = target.bindMemory(to: Bytef.self).baseAddress
                stream.avail_out = uInt(target.count)
                guard deflate(&stream, Z_FINISH) == Z_STREAM_END else { return 0 }
                return target.count - Int(stream.avail_out)
            } > 0
        }
        return isWhole ? output : nil
    }
}
