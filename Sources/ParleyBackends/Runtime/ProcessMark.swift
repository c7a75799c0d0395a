internal import CProcess

/// What tells the processes of a backend from all others, whatever they do: leave their group and session, let their
/// parents end, or forget their environment.
///
/// Children inherit resource limits, programs keep them, and none has a reason to look at that of uninterrupted realtime
/// processor time (`RLIMIT_RTTIME`): its soft limit is a number of the backend's own, so large that it limits nothing. The kernel
/// shows it to everybody, for processes that have ended, too.
struct ProcessMark: Hashable, Sendable {
    /// Microseconds.
    let limit: UInt64

    /// The same in each life of the server, so that the next knows those that are left.
    init(_ backend: BackendID) {
        // FNV-1a; years of realtime from here to the next power of two.
        let hash = backend.text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        self.limit = 1 << 61 | hash & (1 << 60 - 1)
    }

    fileprivate init?(limit: UInt64) {
        guard limit >> 61 == 1 else { return nil }
        self.limit = limit
    }

    /// Has children that are made until ``Previous/restore()`` bear the mark; one after another, as the whole process does.
    /// - Returns: `nil` where that is impossible.
    func put() -> Previous? {
        var previous: UInt64 = 0
        return parley_set_realtime_limit(self.limit, &previous) == 0 ? Previous(limit: previous) : nil
    }

    struct Previous: Sendable {
        fileprivate let limit: UInt64

        func restore() {
            var ours: UInt64 = 0
            _ = parley_set_realtime_limit(self.limit, &ours)
        }
    }

    /// That of a process.
    /// - Parameter limits: What `/proc/PID/limits` says (`proc(5)`).
    init?(limits: [UInt8]) {
        let name = Array("Max realtime timeout".utf8)
        for line in limits.split(separator: UInt8(ascii: "\n")) where line.starts(with: name) {
            let soft = line.dropFirst(name.count).split(separator: UInt8(ascii: " ")).first ?? []
            guard let limit = UInt64(String(decoding: soft, as: UTF8.self)) else { return nil }
            self.init(limit: limit)
            return
        }
        return nil
    }
}
