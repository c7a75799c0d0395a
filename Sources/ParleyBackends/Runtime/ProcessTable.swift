internal import Foundation
internal import SystemPackage

/// What the system says of its processes (`proc(5)`).
enum ProcessTable {
    /// A process, whatever becomes of its number.
    struct Identity: Sendable, Hashable {
        let pid: Int32
        /// In clock ticks since the machine started: with the pid, never the same twice.
        let startTime: UInt64
    }

    struct Entry: Sendable {
        let identity: Identity
        let parent: Int32
        let group: Int32
        let isZombie: Bool
        /// Bytes.
        let residentSize: Int
        /// Nanoseconds, in user and kernel mode, its own and that of children it has waited for.
        let processorTime: Int
    }

    /// - Returns: `nil` when there is no such process.
    static func entry(_ pid: Int32) -> Entry? {
        guard let stat = Self.read("/proc/\(pid)/stat"), let end = stat.lastIndex(of: UInt8(ascii: ")")) else {
            return nil
        }
        // The name in parentheses may hold anything; behind it, fields are separated by spaces, the third first.
        let fields = stat[stat.index(after: end)...].split(separator: UInt8(ascii: " "))
        func number(_ field: Int) -> Int? {
            fields.count > field - 3 ? Int(String(decoding: fields[field - 3], as: UTF8.self)) : nil
        }
        guard let parent = number(4), let group = number(5), let start = number(22), let pages = number(24),
            fields.first?.first != nil
        else {
            return nil
        }
        let ticks = (14...17).reduce(0) { $0 + (number($1) ?? 0) }
        return Entry(
            identity: Identity(pid: pid, startTime: UInt64(max(0, start))),
            parent: Int32(truncatingIfNeeded: parent),
            group: Int32(truncatingIfNeeded: group),
            isZombie: fields[0].first == UInt8(ascii: "Z"),
            residentSize: max(0, pages) * Self.pageSize,
            processorTime: ticks * (1_000_000_000 / Self.ticksPerSecond)
        )
    }

    static var pids: [Int32] {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
    }

    /// Processes that were started for a backend, or by one that was: they bear its mark, or have its id in their environment,
    /// wherever they have gone since.
    static func members(of backend: BackendID) -> [Entry] {
        let mark = ProcessMark(backend)
        let variable = Array("SESSION_BACKEND_ID=\(backend)".utf8)
        return Self.pids.compactMap { pid in
            guard Self.mark(of: pid) == mark || Self.hasVariable(variable, pid) else { return nil }
            return Self.entry(pid)
        }
    }

    /// That of the backend whose process it is.
    static func mark(of pid: Int32) -> ProcessMark? {
        Self.read("/proc/\(pid)/limits").flatMap { ProcessMark(limits: $0) }
    }

    private static func hasVariable(_ variable: [UInt8], _ pid: Int32) -> Bool {
        Self.read("/proc/\(pid)/environ")?.split(separator: 0).contains { $0.elementsEqual(variable) } ?? false
    }

    /// Time of all the machine's processors, idle or not, in nanoseconds: what a share of them is a share of.
    static var machineProcessorTime: Int {
        guard let stat = Self.read("/proc/stat") else { return 0 }
        // The first line sums all processors up: user, nice, system, idle, iowait, irq, softirq, steal.
        let fields = stat.prefix { $0 != UInt8(ascii: "\n") }.split(separator: UInt8(ascii: " ")).dropFirst()
        let ticks = fields.prefix(8).reduce(0) { $0 + (Int(String(decoding: $1, as: UTF8.self)) ?? 0) }
        return ticks * (1_000_000_000 / Self.ticksPerSecond)
    }

    /// - Returns: `nil` when it cannot be read, which the processes of others cannot.
    private static func read(_ path: String) -> [UInt8]? {
        guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) else { return nil }
        defer { try? file.close() }
        var bytes: [UInt8] = []
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * 1024, alignment: 1)
        defer { chunk.deallocate() }
        while bytes.count < 1 << 20 {
            guard let count = try? file.read(into: chunk) else { return nil }
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    private static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
    private static let ticksPerSecond = max(1, Int(sysconf(Int32(_SC_CLK_TCK))))
}
