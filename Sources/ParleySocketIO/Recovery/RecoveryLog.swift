internal import NIOCore
internal import ParleyModel
internal import SocketIO

/// What was said in a namespace lately, and who may still come back to hear it: a value, told the time.
///
/// Source: Socket.IO server specification §3.1. Bounded by age, number and bytes.
struct RecoveryLog: Sendable {
    struct Entry: Sendable {
        let offset: UInt64
        let time: NIODeadline
        let selection: Selection
        /// One for each of the namespace's names, the offset in each.
        let packets: [EncodedPacket]

        var byteCount: Int { self.packets.reduce(0) { $0 + $1.byteCount } }
    }

    private struct Absent: Sendable {
        let session: RecoverableSession
        let until: NIODeadline
    }

    enum RestoreAction: Sendable {
        /// The socket is back; it has missed these.
        case restored(RecoverableSession, missed: [Entry])
        /// It is still connected, as far as we know: close that connection, then ask again.
        case closeFirst(ConnectionID)
        /// A fresh socket it is.
        case unknown
    }

    private let policy: ConnectionStateRecovery
    private let epoch: String
    private(set) var newestOffset: UInt64 = 0
    private var entries: CircularBuffer<Entry> = []
    private var byteCount = 0
    private var absent: [String: Absent] = [:]
    /// Who is there, by private id.
    var live: [String: ConnectionID] = [:]

    /// - Parameter epoch: Offsets of another life of the log are recognised by it.
    init(_ policy: ConnectionStateRecovery, epoch: UInt32) {
        self.policy = policy
        self.epoch = String(epoch, radix: 36)
    }

    private var duration: TimeAmount { self.policy.maximumDisconnection ?? .zero }

    // MARK: Offsets

    mutating func nextOffset() -> UInt64 {
        self.newestOffset += 1
        return self.newestOffset
    }

    func text(of offset: UInt64) -> String { "\(self.epoch).\(String(offset, radix: 36))" }

    private func offset(of text: String) -> UInt64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == self.epoch, let offset = UInt64(parts[1], radix: 36) else { return nil }
        return offset
    }

    // MARK: Log

    mutating func append(_ entry: Entry) {
        self.entries.append(entry)
        self.byteCount += entry.byteCount
        self.trim(now: entry.time)
    }

    private mutating func trim(now: NIODeadline) {
        while let oldest = self.entries.first,
            self.entries.count > self.policy.maximumEvents || self.byteCount > self.policy.maximumBytes
                || oldest.time + self.duration < now
        {
            self.byteCount -= self.entries.removeFirst().byteCount
        }
    }

    // MARK: Sockets

    mutating func store(_ session: RecoverableSession, now: NIODeadline) {
        self.absent[session.privateID] = Absent(session: session, until: now + self.duration)
    }

    mutating func restore(_ privateID: String, after text: String?, now: NIODeadline) -> RestoreAction {
        self.purge(now: now)
        if let connection = self.live[privateID] { return .closeFirst(connection) }
        guard let session = self.absent.removeValue(forKey: privateID)?.session else { return .unknown }
        let offset: UInt64
        if let text {
            guard let parsed = self.offset(of: text) else { return .unknown }
            offset = parsed
        } else {
            // It never received anything, so that it has missed what came after it left.
            offset = session.seenOffset
        }
        // Whatever is older than the log may have been missed and is not known any more.
        guard offset <= self.newestOffset, offset + UInt64(self.entries.count) >= self.newestOffset else {
            return .unknown
        }
        let missed = self.entries.filter {
            $0.offset > offset && $0.selection.contains(id: session.id, rooms: session.rooms)
        }
        return .restored(session, missed: Array(missed))
    }

    /// Forgets what is too old to matter.
    mutating func purge(now: NIODeadline) {
        self.trim(now: now)
        self.absent = self.absent.filter { $0.value.until > now }
    }

    var isIdle: Bool { self.absent.isEmpty && self.entries.isEmpty }
}
