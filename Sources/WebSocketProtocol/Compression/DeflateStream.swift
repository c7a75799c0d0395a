import CZlib
import NIOCore

/// A zlib stream that deflates the messages of one direction, and remembers them until ``reset()``.
final class DeflateStream {
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameter windowBits: 9...15.
    /// - Returns: `nil` when zlib gets no memory, or not these parameters.
    init?(windowBits: Int, level: Int, memoryLevel: Int) {
        self.stream = .allocate(capacity: 1)
        self.stream.initialize(to: z_stream())
        let result = czlib_deflate_init_raw(self.stream, Int32(level), Int32(windowBits), Int32(memoryLevel))
        guard result == Z_OK else {
            self.stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(self.stream)
        self.stream.deallocate()
    }

    /// Forgets the messages before.
    func reset() {
        deflateReset(self.stream)
    }

    /// Appends the compressed form of one message, without the tail 00 00 ff ff (RFC 7692 §7.2.1).
    func deflate(_ payload: UnsafeRawBufferPointer, into output: inout ByteBuffer) {
        guard payload.count > 0 else {
            // zlib gives nothing for a second flush without input; this is the empty block of §7.2.3.6.
            output.writeInteger(0, as: UInt8.self)
            return
        }
        let start = output.writerIndex
        withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 16) { scratch in
            // zlib does not write through `next_in`; its header only says so when compiled with ZLIB_CONST.
            self.stream.pointee.next_in = UnsafeMutablePointer(mutating: payload.bindMemory(to: UInt8.self).baseAddress)
            self.stream.pointee.avail_in = UInt32(payload.count)
            repeat {
                self.stream.pointee.next_out = scratch.bindMemory(to: UInt8.self).baseAddress
                self.stream.pointee.avail_out = UInt32(scratch.count)
                // Fails only for a broken stream or without progress; both leave the output space untouched.
                _ = CZlib.deflate(self.stream, Z_SYNC_FLUSH)
                let produced = scratch.count - Int(self.stream.pointee.avail_out)
                output.writeBytes(UnsafeRawBufferPointer(rebasing: scratch[..<produced]))
            } while self.stream.pointee.avail_out == 0
        }
        output.moveWriterIndex(to: max(start, output.writerIndex - 4))
    }
}

/// DEFLATE without compression: what is left when the window is too small for zlib, or memory is gone.
enum StoredBlocks {
    /// Appends `payload` as stored blocks (RFC 1951 §3.2.4), without the tail 00 00 ff ff.
    static func write(_ payload: UnsafeRawBufferPointer, into output: inout ByteBuffer) {
        var rest = payload[...]
        while !rest.isEmpty {
            let block = rest.prefix(0xffff)
            rest = rest.dropFirst(block.count)
            let length = UInt16(block.count)
            output.writeInteger(0, as: UInt8.self)
            output.writeInteger(length, endianness: .little)
            output.writeInteger(~length, endianness: .little)
            output.writeBytes(UnsafeRawBufferPointer(rebasing: block))
        }
        // The header of the empty block whose length is the tail.
        output.writeInteger(0, as: UInt8.self)
    }
}
