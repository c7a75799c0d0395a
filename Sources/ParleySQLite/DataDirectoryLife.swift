internal import Foundation
internal import ParleyHub
internal import ParleyModel

/// One run of a server that uses a data directory: a file that is locked for as long as the process lives, however it ends.
final class DataDirectoryLife: Sendable {
    private static let suffix = ".life"
    private static let attempts = 10

    let name: String
    private let directory: String
    private let descriptor: Int32

    /// Begins a life, and removes the files of those that are over.
    init(directory: String) throws(StoreError) {
        self.directory = directory
        guard let (name, descriptor) = Self.begin(in: directory) else {
            let reason = SystemFailure(code: errno).description
            throw StoreError(
                .unavailable,
                "No file can be made and locked in \(directory) (--data-dir, PARLEY_DATA_DIR): \(reason)"
            )
        }
        self.name = name
        self.descriptor = descriptor
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        for file in names where file.hasSuffix(Self.suffix) && file != name + Self.suffix {
            _ = self.isOver(String(file.dropLast(Self.suffix.count)))
        }
    }

    deinit { close(self.descriptor) }

    private static func begin(in directory: String) -> (name: String, descriptor: Int32)? {
        for _ in 0..<Self.attempts {
            let name = UUID().uuidString.lowercased()
            let path = Self.path(of: name, in: directory)
            let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { return nil }
            // Between the two somebody may have taken it for one that is over, and removed it.
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0, access(path, F_OK) == 0 { return (name, descriptor) }
            close(descriptor)
        }
        return nil
    }

    /// Whether nobody lives who goes by that name. What is left of such a life goes away.
    func isOver(_ name: String) -> Bool {
        guard name != self.name else { return false }
        // Names come from a database and a directory: none leads out of it.
        guard UUID(uuidString: name) != nil else { return true }
        let path = Self.path(of: name, in: self.directory)
        let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return errno == ENOENT }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return false }
        unlink(path)
        return true
    }

    /// In good order.
    func end() { unlink(Self.path(of: self.name, in: self.directory)) }

    private static func path(of name: String, in directory: String) -> String {
        (directory as NSString).appendingPathComponent(name + Self.suffix)
    }
}
