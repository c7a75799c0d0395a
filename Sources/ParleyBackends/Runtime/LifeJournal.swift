internal import Foundation
internal import ParleyModel
internal import Synchronization
internal import SystemPackage

/// Remembers on disk which processes are ours, so that a server that was killed does not leave them running.
///
/// Each life of a server has a file of its own, locked for as long as the life lasts. Whoever finds a file without a lock
/// has found a life that is over, and ends what is left of it. Processes are known by number and start time, and their
/// descendants by the backend's id in their environment: a number that belongs to somebody else by now is left alone.
final class LifeJournal: Sendable {
    private struct State: Sendable {
        var file: FileDescriptor?
        var running: [BackendID: ProcessTable.Identity] = [:]
        var lines = 0
    }

    /// How many lines may be in the file beyond those that count.
    private static let slack = 1000

    private let directory: String
    private let path: String
    private let state = Mutex(State())

    /// Ends what earlier lives have left in the same directory; see ``orphans``. This one begins with its first process.
    /// - Parameter directory: Made if it is not there then; for us alone.
    init(directory: String) {
        self.directory = directory
        self.orphans = Self.endEarlierLives(in: directory)
        self.path = "\(directory)/\(BackendSupervisor.randomName()).life"
    }

    /// Backends of earlier lives whose processes were ended just now.
    let orphans: [BackendID]

    private static func create(_ path: String) throws -> FileDescriptor {
        let file = try FileDescriptor.open(
            FilePath(path),
            .writeOnly,
            options: [.create, .append, .closeOnExec],
            permissions: .ownerReadWrite
        )
        guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            try file.close()
            throw Errno(rawValue: errno)
        }
        return file
    }

    /// Others could name any process of ours.
    private struct Foreign: SpokenError {
        let directory: String
        var description: String { "\(self.directory) has another owner, or others may write to it" }
    }

    /// - Throws: What the file system says. A process that is not written down may be left over.
    func began(_ backend: BackendID, _ process: ProcessTable.Identity) throws {
        try self.state.withLock { state in
            if state.file == nil {
                try Directory.make(self.directory, mode: 0o700)
                guard Self.isOurs(self.directory) else { throw Foreign(directory: self.directory) }
                do {
                    state.file = try Self.create(self.path)
                } catch let error as Errno {
                    throw SystemFailure(code: error.rawValue)
                }
            }
            state.running[backend] = process
            self.write("+ \(backend) \(process.pid) \(process.startTime)\n", &state)
        }
    }

    func ended(_ backend: BackendID) {
        self.state.withLock { state in
            guard state.running.removeValue(forKey: backend) != nil else { return }
            self.write("- \(backend)\n", &state)
            if state.lines > state.running.count + Self.slack { self.compact(&state) }
        }
    }

    /// The life is over in good order: nothing is left.
    func close() {
        self.state.withLock { state in
            guard let file = state.file else { return }
            state.file = nil
            unlink(self.path)
            try? file.close()
            // Only if nobody else has a life there.
            rmdir(self.directory)
        }
    }

    private func write(_ line: String, _ state: inout State) {
        state.lines += 1
        _ = try? state.file?.writeAll(line.utf8)
    }

    /// Writes the file anew, with what counts alone.
    private func compact(_ state: inout State) {
        guard let old = state.file, let file = try? Self.create(self.path + ".new") else { return }
        let lines = state.running.map { "+ \($0.key) \($0.value.pid) \($0.value.startTime)\n" }
        guard (try? file.writeAll(lines.joined().utf8)) != nil, rename(self.path + ".new", self.path) == 0 else {
            try? file.close()
            return
        }
        state.file = file
        state.lines = lines.count
        try? old.close()
    }

    // MARK: Earlier lives

    private static func endEarlierLives(in directory: String) -> [BackendID] {
        // A directory that others may write to could name any process of ours.
        guard Self.isOurs(directory) else { return [] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { $0.hasSuffix(".life") || $0.hasSuffix(".life.new") }.flatMap { name in
            Self.endLife("\(directory)/\(name)")
        }
    }

    private static func isOurs(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard
            attributes?[.type] as? FileAttributeType == .typeDirectory
                || attributes?[.type] as? FileAttributeType == .typeRegular,
            let owner = attributes?[.ownerAccountID] as? NSNumber,
            let mode = attributes?[.posixPermissions] as? NSNumber
        else { return false }
        return owner.uint32Value == getuid() && mode.intValue & 0o022 == 0
    }

    private static func endLife(_ path: String) -> [BackendID] {
        guard Self.isOurs(path),
            let file = try? FileDescriptor.open(FilePath(path), .readWrite, options: [.closeOnExec, .noFollow])
        else { return [] }
        defer { try? file.close() }
        // Held: its server lives.
        guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else { return [] }
        let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        var running: [BackendID: ProcessTable.Identity] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 2, let id = BackendID(words[1]) else { continue }
            if words[0] == "-" {
                running[id] = nil
            } else if words.count == 4, let pid = Int32(words[2]), let start = UInt64(words[3]) {
                running[id] = ProcessTable.Identity(pid: pid, startTime: start)
            }
        }
        let left = running.filter { ProcessGroup.end($0.value, of: $0.key) }
        unlink(path)
        return left.keys.sorted { $0.text < $1.text }
    }
}
