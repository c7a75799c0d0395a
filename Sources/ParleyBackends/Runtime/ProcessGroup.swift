internal import Foundation

/// The processes of one backend: the group that its first process leads, and whoever left the group but bears the backend's mark,
/// or has its id in the environment.
enum ProcessGroup {
    /// A process may fork while it is looked for.
    private static let rounds = 20

    static func signal(_ leader: Int32, _ kind: TerminationKind) {
        kill(-leader, kind == .soft ? SIGTERM : SIGKILL)
    }

    /// Whether anybody is left in the group; its number is nobody else's while there is.
    static func exists(_ leader: Int32) -> Bool { kill(-leader, 0) == 0 || errno == EPERM }

    /// Kills the first process if it is still the one that is meant, its group, and all others of the backend.
    /// - Returns: Whether there was anything to kill.
    static func end(_ leader: ProcessTable.Identity, of backend: BackendID) -> Bool {
        let isSame = ProcessTable.entry(leader.pid)?.identity == leader
        if isSame { Self.signal(leader.pid, .hard) }
        return Self.endMembers(of: backend) || isSame
    }

    /// - Returns: Whether there were any.
    @discardableResult
    static func endMembers(of backend: BackendID) -> Bool {
        var found = false
        for _ in 0..<Self.rounds {
            let living = ProcessTable.members(of: backend).filter { !$0.isZombie }
            guard !living.isEmpty else { break }
            found = true
            for process in living { kill(process.identity.pid, SIGKILL) }
            usleep(2000)
        }
        return found
    }
}
