import Foundation
import Synchronization

/// Lines for a descriptor that may be slow, full or dead, from threads that must not wait.
///
/// A thread of its own writes them. What it cannot write in time waits, up to a bound; what is beyond the bound, and what the
/// descriptor refuses, is counted. Writing never fails and never blocks. Lives as long as the process.
final class LineWriter: Sendable {
    private struct State {
        var waiting: [UInt8] = []
        /// Bytes that are being written.
        var inFlight = 0
        var isWriting = false
        var dropped = 0
        /// Dropped since the last line that says so.
        var unreported = 0
        var flushes: [DispatchSemaphore] = []
    }

    private struct Batch {
        var bytes: [UInt8]
        /// Lines that its last one says are missing; 0: it does not end so.
        var gap: Int
    }

    private let descriptor: Int32
    private let maximumBytes: Int
    private let gapLine: @Sendable (Int) -> String
    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - maximumBytes: What may wait, with what is being written.
    ///   - gapLine: Says, in the place where they are missing, that so many lines are.
    init(
        descriptor: Int32,
        maximumBytes: Int = 1 << 20,
        gapLine: @escaping @Sendable (Int) -> String = { "… \($0) lines are missing here" }
    ) {
        self.descriptor = descriptor
        self.maximumBytes = maximumBytes
        self.gapLine = gapLine
        let thread = Thread { [self] in self.run() }
        thread.name = "lines"
        thread.start()
    }

    /// Lines that nobody will read.
    var droppedCount: Int { self.state.withLock { $0.dropped } }

    /// - Parameter line: Without the newline at its end.
    func write(_ line: String) {
        let begins = self.state.withLock { state in
            guard state.waiting.count + state.inFlight + line.utf8.count < self.maximumBytes else {
                state.dropped += 1
                state.unreported += 1
                return false
            }
            state.waiting += line.utf8
            state.waiting.append(UInt8(ascii: "\n"))
            guard !state.isWriting else { return false }
            state.isWriting = true
            return true
        }
        if begins { self.work.signal() }
    }

    /// Waits until all that was written has gone out, at most so many seconds.
    func flush(within seconds: Double) {
        let done = self.state.withLock { state -> DispatchSemaphore? in
            guard state.isWriting else { return nil }
            let done = DispatchSemaphore(value: 0)
            state.flushes.append(done)
            return done
        }
        _ = done?.wait(timeout: .now() + seconds)
    }

    // MARK: The thread

    private func run() {
        var isTorn = false
        while true {
            self.work.wait()
            while let batch = self.next() { isTorn = self.put(batch, afterTornLine: isTorn) }
        }
    }

    private func next() -> Batch? {
        self.state.withLock { state in
            // What a refused write lost is said when there is something else to say, or it would be tried without end.
            guard !state.waiting.isEmpty || state.unreported > 0 && state.inFlight > 0 else {
                state.isWriting = false
                state.inFlight = 0
                for flush in state.flushes { flush.signal() }
                state.flushes = []
                return nil
            }
            var batch = Batch(bytes: state.waiting, gap: state.unreported)
            // Lines were dropped because these were waiting: the gap is behind them.
            if batch.gap > 0 { batch.bytes += Array((self.gapLine(batch.gap) + "\n").utf8) }
            state.waiting = []
            state.unreported = 0
            state.inFlight = batch.bytes.count
            return batch
        }
    }

    /// - Parameter isTorn: Whether a line was begun and not ended before: the next must not be taken for its rest.
    /// - Returns: The same of this one.
    private func put(_ batch: Batch, afterTornLine isTorn: Bool) -> Bool {
        let newline = UInt8(ascii: "\n")
        let bytes = isTorn ? [newline] + batch.bytes : batch.bytes
        let written = Descriptor.write(bytes, to: self.descriptor, patience: nil)
        guard written < bytes.count else { return false }
        let lost = bytes[max(written, isTorn ? 1 : 0)...].count { $0 == newline } - (batch.gap > 0 ? 1 : 0)
        self.state.withLock { state in
            state.dropped += lost
            state.unreported += lost + batch.gap
            state.inFlight = 0
        }
        return written == 0 ? isTorn : bytes[written - 1] != newline
    }
}

enum Descriptor {
    /// Writes what it takes. Never traps, and never raises SIGPIPE where ``StandardStreams/secure()`` was called.
    ///
    /// - Parameter patience: Milliseconds that a full pipe is waited for each time; `nil`: as long as it takes.
    /// - Returns: How many bytes were written; fewer than all when the descriptor refused the rest, with `errno` set.
    @discardableResult
    static func write(_ bytes: [UInt8], to descriptor: Int32, patience: Int32?) -> Int {
        bytes.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                var size = bytes.count - written
                if let patience {
                    // So much fits into a pipe that says it is writable: write(2) cannot block (pipe(7), PIPE_BUF).
                    size = min(size, 4096)
                    guard self.becomesWritable(descriptor, within: patience) else { break }
                }
                let result = Foundation.write(descriptor, bytes.baseAddress! + written, size)
                if result > 0 {
                    written += result
                } else if result < 0, errno == EAGAIN || errno == EWOULDBLOCK {
                    guard self.becomesWritable(descriptor, within: patience ?? -1) else { break }
                } else if result == 0 || errno != EINTR {
                    break
                }
            }
            return written
        }
    }

    /// - Returns: Also `true` when writing would fail at once.
    private static func becomesWritable(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while true {
            let count = poll(&entry, 1, milliseconds)
            if count > 0 { return true }
            if count == 0 || errno != EINTR { return false }
        }
    }
}
