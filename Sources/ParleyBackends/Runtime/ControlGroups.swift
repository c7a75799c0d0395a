internal import Foundation

/// Control groups of this machine (`cgroups(7)`), where we may make some: version 1 hierarchies of single controllers, or the
/// one of version 2.
struct ControlGroups: Sendable {
    /// Our own directory for each controller that we may use; the same for all under version 2.
    private let directories: [Controller: String]
    private let version: Int

    private enum Controller: String, CaseIterable {
        case memory, cpu
    }

    var limitsProcessor: Bool { self.directories[.cpu] != nil }

    /// - Returns: `nil` where there is nothing that we may use.
    static func detect() -> ControlGroups? {
        guard let mounts = Self.text("/proc/self/mounts"), let membership = Self.text("/proc/self/cgroup") else {
            return nil
        }
        return Self.detectVersion1(mounts, membership) ?? Self.detectVersion2(mounts, membership)
    }

    private static func detectVersion1(_ mounts: String, _ membership: String) -> ControlGroups? {
        var directories: [Controller: String] = [:]
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 4, fields[2] == "cgroup" else { continue }
            let names = fields[3].split(separator: ",").map(String.init)
            for controller in Controller.allCases where names.contains(controller.rawValue) {
                guard let own = Self.ownPath(membership, controller.rawValue) else { continue }
                for path in ["\(fields[1])\(own)", String(fields[1])] {
                    let directory = path + "/parley"
                    guard Self.makeDirectory(directory), access(directory, W_OK) == 0 else { continue }
                    directories[controller] = directory
                    break
                }
            }
        }
        return directories.isEmpty ? nil : ControlGroups(directories: directories, version: 1)
    }

    /// Only where the group was delegated to us, with controllers that are on for groups below it.
    private static func detectVersion2(_ mounts: String, _ membership: String) -> ControlGroups? {
        guard
            let mount = mounts.split(separator: "\n").map({ $0.split(separator: " ") }).first(where: {
                $0.count >= 3 && $0[2] == "cgroup2"
            }), let own = membership.split(separator: "\n").first(where: { $0.hasPrefix("0::") })?.dropFirst(3)
        else { return nil }
        let base = "\(mount[1])\(own)"
        // Groups with processes cannot have groups with controllers below them: we move aside.
        let aside = base + "/parley-server"
        if Self.makeDirectory(aside) {
            _ = Self.write("\(getpid())", to: aside + "/cgroup.procs")
            _ = Self.write("+memory +cpu", to: base + "/cgroup.subtree_control")
        }
        let enabled = Self.text(base + "/cgroup.subtree_control")?.split(whereSeparator: \.isWhitespace).map(
            String.init
        )
        var directories: [Controller: String] = [:]
        for controller in Controller.allCases where enabled?.contains(controller.rawValue) == true {
            directories[controller] = base
        }
        return directories.isEmpty ? nil : ControlGroups(directories: directories, version: 2)
    }

    private static func ownPath(_ membership: String, _ controller: String) -> String? {
        for line in membership.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[1].split(separator: ",").contains(Substring(controller)) else { continue }
            return parts[2] == "/" ? "" : String(parts[2])
        }
        return nil
    }

    /// Makes the groups that the limits need.
    /// - Returns: `nil` when they need none, or none could be made.
    func make(for backend: BackendID, _ limits: ResourceLimits) -> ControlGroup? {
        var directories: Set<String> = []
        var limitsMemory = false
        if let bytes = limits.memoryLimitBytes, let base = self.directories[.memory] {
            let directory = "\(base)/\(backend)"
            let file = self.version == 1 ? "memory.limit_in_bytes" : "memory.max"
            if Self.makeDirectory(directory), Self.write("\(bytes)", to: "\(directory)/\(file)") {
                limitsMemory = true
                directories.insert(directory)
            } else {
                rmdir(directory)
            }
        }
        if let percent = limits.cpuPeriodPercent, percent > 0, let base = self.directories[.cpu] {
            let directory = "\(base)/\(backend)"
            let period = limits.cpuPeriod ?? 100_000
            let quota = max(1000, period * percent / 100)
            let isSet =
                Self.makeDirectory(directory)
                && (self.version == 1
                    ? Self.write("\(period)", to: directory + "/cpu.cfs_period_us")
                        && Self.write("\(quota)", to: directory + "/cpu.cfs_quota_us")
                    : Self.write("\(quota) \(period)", to: directory + "/cpu.max"))
            if isSet {
                directories.insert(directory)
            } else if !directories.contains(directory) {
                rmdir(directory)
            }
        }
        return directories.isEmpty
            ? nil : ControlGroup(directories: directories.sorted(), limitsMemory: limitsMemory)
    }

    /// What a backend of an earlier life had.
    func remove(_ backend: BackendID) {
        let directories = Set(self.directories.values.map { "\($0)/\(backend)" }).sorted()
        ControlGroup(directories: directories, limitsMemory: false).remove()
    }

    fileprivate static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func makeDirectory(_ path: String) -> Bool { mkdir(path, 0o755) == 0 || errno == EEXIST }

    private static func write(_ text: String, to path: String) -> Bool {
        guard let file = fopen(path, "w") else { return false }
        let isWritten = fputs(text, file) >= 0
        return fclose(file) == 0 && isWritten
    }
}

/// The control groups of one backend.
struct ControlGroup: Sendable {
    fileprivate let directories: [String]
    let limitsMemory: Bool

    /// Shell commands by which a process joins. The paths are of our making.
    var joinScript: String {
        self.directories.map { "echo $$ > '\($0)/cgroup.procs' || exit 125; " }.joined()
    }

    private static let attempts = 50
    /// A process may fork while it is looked for.
    private static let rounds = 20

    /// Kills whoever is in it: nobody leaves a group by leaving a session or a parent.
    func end() {
        for _ in 0..<Self.rounds {
            let pids = self.directories.flatMap { directory in
                (ControlGroups.text(directory + "/cgroup.procs") ?? "").split(separator: "\n").compactMap { Int32($0) }
            }
            // 0: of another namespace, and not ours to name.
            let others = pids.filter { $0 > 1 && $0 != getpid() }
            guard !others.isEmpty else { return }
            for pid in others { kill(pid, SIGKILL) }
            usleep(2000)
        }
    }

    /// Once no process is left in it; one that was killed just now may be there for an instant still.
    func remove() {
        for directory in self.directories {
            for _ in 0..<Self.attempts {
                guard rmdir(directory) != 0, errno == EBUSY else { break }
                usleep(2000)
            }
        }
    }
}
