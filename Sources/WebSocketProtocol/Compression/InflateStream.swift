import CZlib
import NIOCore

/// A zlib stream that inflates the messages of one direction, and remembers them until ``reset()``.
final class InflateStream {
    private let stream: UnsafeMutablePointer<z_stream>
    private let isReady: Bool

    /// - Parameter windowBits: How far back the peer may refer. Some peers with an old zlib use 9 where 8 was agreed,
    ///   so 8 counts as 9.
    init(windowBits: Int = 15) {
        self.stream = .allocate(capacity: 1)
        self.stream.initialize(to: z_stream())
        self.isReady = czlib_inflate_init_raw(self.stream, Int32(min(max(windowBits, 9), 15))) == Z_OK
    }

    deinit {
        if self.isReady { inflateEnd(self.stream) }
        self.stream.deallocate()
    }

    /// Forgets the messages before.
    func reset() {
        if self.isReady { inflateReset(self.stream) }
    }

    /// Inflates one message (RFC 7692 §7.2.2).
    ///
    /// - Parameters:
    ///   - limit: The most bytes the message may have; noticed before more than that is kept.
    ///   - isText: Validate UTF-8 on the way, so that a long message stops at its first wrong byte.
    func inflate(_ payload: ByteBuffer, limit: Int, isText: Bool) throws(Violation) -> ByteBuffer {
        guard self.isReady else { throw .outOfMemory }
        var message = InflatedMessage(limit: limit, isText: isText)
        // Nothing deflates to nothing: some peers send that for an empty message instead of the one byte of §7.2.3.6.
        guard payload.readableBytes > 0 else { return message.bytes }
        let endsWithFinalBlock = try payload.withUnsafeReadableBytes { bytes throws(Violation) in
            try self.feed(bytes, into: &message)
        }
        // A message that ends with a final block is complete; the tail would be the start of a block of its own.
        if !endsWithFinalBlock {
            let isFinalBlock = try withUnsafeBytes(of: DeflateTail.littleEndian) { bytes throws(Violation) in
                try self.feed(bytes, into: &message)
            }
            // The empty block that the tail belongs to may itself be final. If not, zlib sets 128 right after the end
            // of a block, and keeps the number of unused bits below 64. Anything else: the message was cut short, and
            // the tail was taken for its data.
            guard isFinalBlock || self.stream.pointee.data_type & (128 | 63) == 128 else { throw .corruptCompression }
        }
        if isText, !message.utf8.isComplete { throw .textNotUTF8 }
        return message.bytes
    }

    /// - Returns: Whether the last byte fed was the end of a block with BFINAL set.
    private func feed(_ input: UnsafeRawBufferPointer, into message: inout InflatedMessage) throws(Violation) -> Bool {
        // 16 KiB: most messages fit and are then allocated once, in their exact size.
        try withScratch(byteCount: 16384) { scratch throws(Violation) in
            // zlib does not write through `next_in`; its header only says so when compiled with ZLIB_CONST.
            self.stream.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
            self.stream.pointee.avail_in = UInt32(input.count)
            while true {
                self.stream.pointee.next_out = scratch.bindMemory(to: UInt8.self).baseAddress
                self.stream.pointee.avail_out = UInt32(scratch.count)
                let result = CZlib.inflate(self.stream, Z_SYNC_FLUSH)
                let produced = scratch.count - Int(self.stream.pointee.avail_out)
                try message.append(UnsafeRawBufferPointer(rebasing: scratch[..<produced]))
                switch result {
                case Z_STREAM_END:
                    // BFINAL (§7.2.3.4): the next block begins a new stream for zlib but goes on with the same window.
                    // `inflateReset` would forget it, and saving it would cost 32 KiB of copying for two bytes of
                    // input.
                    inflateResetKeep(self.stream)
                    if self.stream.pointee.avail_in == 0 { return true }
                case Z_OK, Z_BUF_ERROR:
                    // Space left means that all input was used.
                    if self.stream.pointee.avail_out > 0 { return false }
                case Z_MEM_ERROR: throw .outOfMemory
                default: throw .corruptCompression
                }
            }
        }
    }
}

/// The output of an inflation, checked while it grows.
private struct InflatedMessage {
    let limit: Int
    let isText: Bool
    var bytes = ByteBuffer()
    var utf8 = UTF8Validator()

    init(limit: Int, isText: Bool) {
        self.limit = limit
        self.isText = isText
    }

    mutating func append(_ chunk: UnsafeRawBufferPointer) throws(Violation) {
        guard chunk.count <= self.limit - self.bytes.readableBytes else { throw .messageTooBig(limit: self.limit) }
        if self.isText, !self.utf8.consume(chunk) { throw .textNotUTF8 }
        self.bytes.writeBytes(chunk)
    }
}

/// The end of an empty stored block, which senders leave out and receivers put back (RFC 7692 §7.2.1, §7.2.2).
enum DeflateTail {
    /// 00 00 ff ff in memory.
    static var littleEndian: UInt32 { UInt32(0xffff_0000).littleEndian }
}
