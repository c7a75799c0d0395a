internal import NIOCore
internal import ParleyModel
internal import SocketIO
internal import Synchronization

/// A socket that may come back.
struct RecoverableSession: Sendable {
    let id: String
    let privateID: String
    let wireName: String
    let rooms: Set<ExactString>
    let data: SocketValue
    /// Nothing up to here is owed to it: the newest offset that its shard had seen when it joined, or one behind which it has
    /// missed nothing since.
    var joinOffset: UInt64
}

/// The recovery of one namespace: its log and its absent sockets. Used on the namespace's home shard, but for reading.
final class RecoveryHome: Sendable {
    private let log: Mutex<RecoveryLog>

    init(_ policy: ConnectionStateRecovery) {
        self.log = Mutex(RecoveryLog(policy, epoch: UInt32.random(in: .min ... .max)))
    }

    func nextOffset() -> UInt64 { self.log.withLock { $0.nextOffset() } }
    var newestOffset: UInt64 { self.log.withLock { $0.newestOffset } }
    func text(of offset: UInt64) -> String { self.log.withLock { $0.text(of: offset) } }
    func append(_ entry: RecoveryLog.Entry) { self.log.withLock { $0.append(entry) } }

    /// A socket is there, under a secret by which it may be restored.
    func opened(_ privateID: String, by connection: ConnectionID) {
        self.log.withLock { $0.live[ExactString(privateID)] = connection }
    }

    /// A socket has left for good.
    func closed(_ privateID: String, by connection: ConnectionID) {
        self.log.withLock { log in
            if log.live[ExactString(privateID)] == connection { log.live[ExactString(privateID)] = nil }
        }
    }

    /// A socket has left and may come back.
    /// - Returns: Whether it is the first that is absent: from now on ``purge(now:)`` has work.
    func store(_ session: RecoverableSession, from connection: ConnectionID, now: NIODeadline) -> Bool {
        self.log.withLock { log in
            guard log.live[ExactString(session.privateID)] == connection else { return false }
            log.live[ExactString(session.privateID)] = nil
            return log.store(session, now: now)
        }
    }

    func restore(_ request: RecoveryLog.Request, now: NIODeadline) -> RecoveryLog.RestoreAction {
        self.log.withLock { $0.restore(request, now: now) }
    }

    func missed(after offset: UInt64, by id: String, rooms: Set<ExactString>) -> RecoveryLog.Missed? {
        self.log.withLock { $0.missed(after: offset, by: id, rooms: rooms) }
    }

    /// Puts back what was restored for a connection that has gone in the meantime.
    /// - Returns: As ``store(_:from:now:)`` does.
    func putBack(_ session: RecoverableSession, now: NIODeadline) -> Bool {
        self.log.withLock { $0.store(session, now: now) }
    }

    /// - Returns: When there is something to purge next; `nil`: nothing is left.
    func purge(now: NIODeadline) -> NIODeadline? {
        self.log.withLock { log in
            log.purge(now: now)
            return log.nextExpiry
        }
    }
}
