#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif
internal import NIOCore
internal import NIOPosix
internal import ParleyHub

/// The direct write: arena ranges to a socket, with one system call and without a copy.
///
/// For a plain TCP connection with nothing pending, this is what NIO would do after several layers of bookkeeping that
/// matter when they happen a thousand times a tick. See design §3.7.
enum SocketWriter {
    enum Outcome: Equatable {
        /// Bytes that the kernel took; fewer than asked for means that its buffer is full.
        case wrote(Int)
        /// The connection is broken.
        case failed
    }

    static func write(_ ranges: ContiguousArray<ArenaRange>, of arena: ByteBuffer, to socket: NIOBSDSocket.Handle) -> Outcome {
        arena.withUnsafeReadableBytes { bytes in
            // The arena is never read from its front, so that its readable bytes begin at offset 0.
            guard let base = bytes.baseAddress else { return .wrote(0) }
            if ranges.count == 1 {
                return self.retrying { send(socket, base + ranges[0].start, ranges[0].count, Self.flags) }
            }
            return self.writeVector(ranges, base: base, to: socket)
        }
    }

    private static func writeVector(
        _ ranges: ContiguousArray<ArenaRange>,
        base: UnsafeRawPointer,
        to socket: NIOBSDSocket.Handle
    ) -> Outcome {
        let count = min(ranges.count, Int(IOV_MAX))
        return withUnsafeTemporaryAllocation(of: iovec.self, capacity: count) { vector in
            for index in 0..<count {
                let start = UnsafeMutableRawPointer(mutating: base + ranges[index].start)
                vector.initializeElement(at: index, to: iovec(iov_base: start, iov_len: ranges[index].count))
            }
            var message = msghdr()
            message.msg_iov = vector.baseAddress
            message.msg_iovlen = .init(count)
            return self.retrying { sendmsg(socket, &message, Self.flags) }
        }
    }

    #if os(Linux)
    private static let flags = Int32(truncatingIfNeeded: Int(MSG_NOSIGNAL) | Int(MSG_DONTWAIT))
    private static let IOV_MAX = 1024
    #else
    private static let flags = MSG_DONTWAIT
    #endif

    private static func retrying(_ call: () -> Int) -> Outcome {
        while true {
            let result = call()
            if result >= 0 { return .wrote(result) }
            switch errno {
            case EINTR: continue
            case EAGAIN, ENOBUFS: return .wrote(0)
            default: return .failed
            }
        }
    }
}
