internal import NIOCore

/// Tasks that wait until something happens to a subject, or until their time is up.
struct Watchers<Subject: Hashable & Sendable>: Sendable {
    typealias Wake = CheckedContinuation<Void, Never>

    private struct Watcher: Sendable {
        let deadline: NIODeadline
        let wake: Wake
    }

    private var watchers: [Subject: [Int: Watcher]] = [:]

    /// - Parameter number: Of the watcher's own.
    mutating func add(_ wake: Wake, number: Int, to subject: Subject, until deadline: NIODeadline) {
        self.watchers[subject, default: [:]][number] = Watcher(deadline: deadline, wake: wake)
    }

    mutating func remove(_ number: Int, from subject: Subject) -> Wake? {
        let wake = self.watchers[subject]?.removeValue(forKey: number)?.wake
        if self.watchers[subject]?.isEmpty == true { self.watchers[subject] = nil }
        return wake
    }

    /// - Returns: All of a subject, which the caller wakes.
    mutating func take(_ subject: Subject) -> [Wake] {
        (self.watchers.removeValue(forKey: subject) ?? [:]).values.map(\.wake)
    }

    mutating func takeAll() -> [Wake] {
        defer { self.watchers = [:] }
        return self.watchers.values.flatMap { $0.values.map(\.wake) }
    }

    /// - Returns: All of the subjects of which somebody has waited for long enough.
    mutating func takeOverdue(at now: NIODeadline) -> [Wake] {
        let overdue = self.watchers.filter { $0.value.values.contains { $0.deadline <= now } }.keys
        return overdue.flatMap { self.take($0) }
    }
}
