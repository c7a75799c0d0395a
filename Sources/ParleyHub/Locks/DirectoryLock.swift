internal import Foundation
internal import ParleyModel
internal import Synchronization

/// The right to a directory that only one server may use: a file in it that is locked for as long as the process lives, however it
/// ends, and says who has it.
package final class DirectoryLock: Sendable {
    /// What a directory is for.
    package struct Purpose: Sendable {
        package let fileName: String
        /// In messages, the setting that names the directory.
        let setting: String
        /// What is said to whoever comes second.
        let refusal: @Sendable (_ directory: String, _ holder: String) -> String

        /// What is kept about session backends.
        package static let backends = Purpose(fileName: "backends.lock", setting: "--data-dir, PARLEY_DATA_DIR") {
            "The data directory \($0) (--data-dir, PARLEY_DATA_DIR) has the session backends of another server: "
                + "\($1). Two would both start a backend for one key. End that one, give this one a directory of its "
                + "own, or start it with BACKENDS=off."
        }

        /// What was said in topics.
        package static let histories = Purpose(fileName: "histories.lock", setting: "--data-dir, PARLEY_DATA_DIR") {
            "The data directory \($0) (--data-dir, PARLEY_DATA_DIR) has the rooms of another server: \($1). Two would each "
                + "go on with a history of its own. End that one, give this one a directory of its own, or start it "
                + "with SESSION_CHAT=off."
        }

        /// What session backends keep.
        package static let mounts = Purpose(fileName: ".parley.lock", setting: "BACKENDS_MOUNT_BASE") {
            "The directory \($0) (BACKENDS_MOUNT_BASE) has what the session backends of another server keep: "
                + "\($1). Two would give one directory to two backends. End that one, or give this one a directory of "
                + "its own."
        }
    }

    private static let maximumNoteBytes = 512

    private let descriptor: Mutex<Int32?>

    /// - Throws: ``StoreError`` with `exists` when another process has it, `unavailable` when there can be no such file.
    package init(directory: String, for purpose: Purpose) throws(StoreError) {
        let path = (directory as NSString).appendingPathComponent(purpose.fileName)
        let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            let reason = SystemFailure(code: errno)
            throw StoreError(.unavailable, "\(path) cannot be opened (\(purpose.setting)): \(reason)")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let error = errno
            let holder = Self.note(in: descriptor)
            close(descriptor)
            guard error == EWOULDBLOCK else {
                let reason = SystemFailure(code: error)
                throw StoreError(.unavailable, "\(path) cannot be locked (\(purpose.setting)): \(reason)")
            }
            throw StoreError(.exists, purpose.refusal(directory, holder))
        }
        Self.write(Self.ownNote, to: descriptor)
        self.descriptor = Mutex(descriptor)
    }

    deinit { self.release() }

    /// Gives it up. The file stays, as another process may have it open to lock it.
    package func release() {
        let descriptor = self.descriptor.withLock { $0.take() }
        if let descriptor { close(descriptor) }
    }

    private static var ownNote: String {
        let since = Date().formatted(.iso8601)
        var name = [CChar](repeating: 0, count: 256)
        let isKnown = gethostname(&name, name.count - 1) == 0
        let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let host = isKnown ? String(decoding: bytes, as: UTF8.self) : "an unknown host"
        return "process \(getpid()) on \(host), since \(since)"
    }

    private static func write(_ note: String, to descriptor: Int32) {
        // What cannot be written is missing in a message; the lock holds all the same.
        _ = ftruncate(descriptor, 0)
        let bytes = Array((note + "\n").utf8)
        _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    /// What the holder has written, as far as it is fit for a message.
    private static func note(in descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: Self.maximumNoteBytes)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        let text = String(decoding: bytes.prefix(max(0, count)).prefix { $0 >= 0x20 && $0 < 0x7F }, as: UTF8.self)
        return text.isEmpty ? "a process that has not said which" : text
    }
}
