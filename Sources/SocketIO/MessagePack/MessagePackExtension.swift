import NIOCore
import ParleyModel

/// What applications and the specification add to MessagePack: a type, and bytes that mean something to those who know it.
struct MessagePackExtension {
    let type: Int8
    let bytes: ByteBuffer

    var value: SocketValue {
        switch (self.type, self.bytes.readableBytes) {
        case (-1, 4), (-1, 8), (-1, 12): self.timestamp?.socketValue ?? .null
        // notepack.io: undefined, and how it wrote dates before version 3.
        case (0, 1): .null
        case (0, 8): self.milliseconds.map { WallTime(milliseconds: $0).socketValue } ?? .null
        default: .binary(self.bytes)
        }
    }

    /// Source: the MessagePack specification, "Timestamp extension type".
    private var timestamp: WallTime? {
        var bytes = self.bytes
        let seconds: Int64
        var nanoseconds: Int64 = 0
        switch bytes.readableBytes {
        case 4:
            seconds = Int64(bytes.readInteger(as: UInt32.self) ?? 0)
        case 8:
            let both = bytes.readInteger(as: UInt64.self) ?? 0
            nanoseconds = Int64(both >> 34)
            seconds = Int64(both & 0x3_ffff_ffff)
        default:
            nanoseconds = Int64(bytes.readInteger(as: UInt32.self) ?? 0)
            seconds = bytes.readInteger(as: Int64.self) ?? 0
        }
        let (milliseconds, overflows) = seconds.multipliedReportingOverflow(by: 1000)
        let (sum, overflowsToo) = milliseconds.addingReportingOverflow(nanoseconds / 1_000_000)
        return nanoseconds < 1_000_000_000 && !overflows && !overflowsToo ? WallTime(milliseconds: sum) : nil
    }

    private var milliseconds: Int64? {
        self.bytes.getInteger(at: self.bytes.readerIndex, as: Int64.self)
    }
}
