package import ParleyHub

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The direct write: bytes to a socket, with one system call and without a copy.
///
/// For a plain TCP connection with nothing pending, this is what NIO would do after several layers of bookkeeping that
/// matter when they happen a thousand times a tick. See docs/architecture.md §3.7.
package struct SocketWriter: DirectWriter {
    package init() {}

    package func write(_ bytes: UnsafeRawBufferPointer, to handle: Int32) -> DirectWriteOutcome {
        Self.retrying { send(handle, bytes.baseAddress, bytes.count, Self.flags) }
    }

    package func write(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, to handle: Int32) -> DirectWriteOutcome {
        let count = min(chunks.count, Self.maximumChunks)
        return withUnsafeTemporaryAllocation(of: iovec.self, capacity: count) { vector in
            for index in 0..<count {
                let start = UnsafeMutableRawPointer(mutating: chunks[index].baseAddress)
                vector.initializeElement(at: index, to: iovec(iov_base: start, iov_len: chunks[index].count))
            }
            var message = msghdr()
            message.msg_iov = vector.baseAddress
            message.msg_iovlen = .init(count)
            return Self.retrying { sendmsg(handle, &message, Self.flags) }
        }
    }

    /// IOV_MAX on every system that we know; beyond it the rest is a short write's.
    private static let maximumChunks = 1024

    #if os(Linux)
    private static let flags = Int32(truncatingIfNeeded: Int(MSG_NOSIGNAL) | Int(MSG_DONTWAIT))
    #else
    private static let flags = MSG_DONTWAIT
    #endif

    private static func retrying(_ call: () -> Int) -> DirectWriteOutcome {
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
