internal import ParleyModel

/// When sessions were last used, as far as no store knows it yet: a bounded list that one writer at a time takes away.
struct ActivityNotes {
    /// How old the stored time of a session's last use may become, in milliseconds, before a use is worth a write.
    static let granularity: Int64 = 60_000
    /// Beyond it a use goes by unnoted; the next one of that session is noted in its place.
    static let maximumNotes = 16_384

    private var times: [String: WallTime] = [:]
    private var isWriting = false

    var count: Int { self.times.count }

    /// - Returns: Whether somebody has to begin to write, as nobody does.
    mutating func note(_ token: String, now: WallTime, stored: WallTime) -> Bool {
        guard now.milliseconds - stored.milliseconds >= Self.granularity else { return false }
        guard self.times.count < Self.maximumNotes || self.times[token] != nil else { return false }
        self.times[token] = max(self.times[token] ?? now, now)
        guard !self.isWriting else { return false }
        self.isWriting = true
        return true
    }

    /// What is to be written now; `nil`: nothing, and nobody writes any more.
    mutating func take() -> [String: WallTime]? {
        guard !self.times.isEmpty else {
            self.isWriting = false
            return nil
        }
        defer { self.times = [:] }
        return self.times
    }

    /// For what could not be written. What was noted since is newer.
    mutating func putBack(_ times: [String: WallTime]) {
        for (token, time) in times where self.times[token] == nil && self.times.count < Self.maximumNotes {
            self.times[token] = time
        }
    }

    mutating func forget(_ token: String) { self.times[token] = nil }
}
