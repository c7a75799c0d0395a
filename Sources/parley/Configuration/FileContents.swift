import Foundation
import ParleyModel

/// Files that settings name, read whole.
enum FileContents {
    struct Unreadable: Error {
        /// In the system's words, without the path.
        let reason: String
    }

    /// More than any of them has; a device never ends.
    private static let maximumBytes = 16 << 20

    static func read(_ path: String) throws(Unreadable) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Unreadable(reason: SystemFailure(code: errno).description) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Foundation.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Unreadable(reason: SystemFailure(code: errno).description) }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= Self.maximumBytes else { throw Unreadable(reason: "it is larger than 16 MiB") }
        }
    }
}
