import Foundation
import Synchronization

/// The process's input, read piece by piece when somebody asks for it.
///
/// A read that is cancelled returns at once; the thread that is blocked in it stays until there is input, or until the
/// process ends.
final class StandardInput: Sendable {
    private let queue = DispatchQueue(label: "parley.stdin")

    /// The next bytes; `nil` at the end.
    func read() async -> [UInt8]? {
        let waiter = Mutex<CheckedContinuation<[UInt8]?, Never>?>(nil)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = waiter.withLock { waiter in
                    if !Task.isCancelled { waiter = continuation }
                    return Task.isCancelled
                }
                if isCancelled { return continuation.resume(returning: nil) }
                self.queue.async {
                    let bytes = Self.readBlocking()
                    waiter.withLock { $0.take() }?.resume(returning: bytes)
                }
            }
        } onCancel: {
            waiter.withLock { $0.take() }?.resume(returning: nil)
        }
    }

    private static func readBlocking() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var count = -1
        repeat {
            count = bytes.withUnsafeMutableBytes { Foundation.read(STDIN_FILENO, $0.baseAddress, $0.count) }
        } while count < 0 && errno == EINTR
        return count > 0 ? Array(bytes[..<count]) : nil
    }
}

/// Cuts bytes into lines; a carriage return before the line feed belongs to neither.
package struct LineSplitter: Sendable {
    private var rest: [UInt8] = []

    package init() {}

    package mutating func split(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(self.take())
            } else {
                self.rest.append(byte)
            }
        }
        return lines
    }

    /// The line that no line feed ended, if there is one.
    package mutating func finish() -> String? {
        self.rest.isEmpty ? nil : self.take()
    }

    private mutating func take() -> String {
        if self.rest.last == UInt8(ascii: "\r") { self.rest.removeLast() }
        defer { self.rest.removeAll(keepingCapacity: true) }
        return String(decoding: self.rest, as: UTF8.self)
    }
}
