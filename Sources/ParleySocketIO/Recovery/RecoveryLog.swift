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

    /// What a client asks for in its CONNECT.
    struct Request: Sendable {
        let privateID: String
        let wireName: String
        /// As the client sent it; `nil` from one that never received anything.
        let offset: String?
    }

    /// What a socket has not heard.
    struct Missed: Sendable {
        let entries: [Entry]
        /// The newest of the log, whether it concerned the socket or not.
        let newestOffset: UInt64
    }

    struct Restored: Sendable {
        var session: RecoverableSession
        let missed: Missed
    }

    enum RestoreAction: Sendable {
        /// The socket is back.
        case restored(Restored)
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
    private var absent: [ExactString: Absent] = [:]
    /// Who is absent until when, the first first: everybody may be away for the same time. Those who came back stay here until
    /// their time.
    private var expiries: CircularBuffer<(until: NIODeadline, privateID: String)> = []
    /// Who is there, by private id.
    var live: [ExactString: ConnectionID] = [:]

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

    /// - Returns: Whether nobody was waited for before.
    mutating func store(_ session: RecoverableSession, now: NIODeadline) -> Bool {
        let isFirst = self.expiries.isEmpty
        let until = now + self.duration
        self.absent[ExactString(session.privateID)] = Absent(session: session, until: until)
        self.expiries.append((until, session.privateID))
        if self.expiries.count > self.policy.maximumAbsentSockets { self.forgetFirst() }
        return isFirst
    }

    mutating func restore(_ request: Request, now: NIODeadline) -> RestoreAction {
        self.purge(now: now)
        if let connection = self.live[ExactString(request.privateID)] { return .closeFirst(connection) }
        guard let session = self.absent[ExactString(request.privateID)]?.session,
            session.wireName.hasSameBytes(as: request.wireName)
        else {
            return .unknown
        }
        // Without an offset nothing has arrived since it joined, whatever was sent: not what came after it left is missed, but
        // all of that. An offset from before it joined says the same.
        guard let told = request.offset.map({ self.offset(of: $0) }) ?? session.joinOffset,
            let missed = self.missed(after: max(told, session.joinOffset), by: session.id, rooms: session.rooms)
        else { return .unknown }
        self.absent[ExactString(request.privateID)] = nil
        var restored = session
        if request.offset == nil, missed.entries.isEmpty { restored.joinOffset = missed.newestOffset }
        return .restored(Restored(session: restored, missed: missed))
    }

    /// - Returns: `nil` when the log does not reach back so far, or the offset is none of its.
    func missed(after offset: UInt64, by id: String, rooms: Set<ExactString>) -> Missed? {
        guard offset <= self.newestOffset, offset + UInt64(self.entries.count) >= self.newestOffset else { return nil }
        // One entry for each offset, without gaps: no need to look at what came before.
        let newer = self.entries.suffix(Int(self.newestOffset - offset))
        return Missed(
            entries: newer.filter { $0.selection.contains(id: id, rooms: rooms) },
            newestOffset: self.newestOffset
        )
    }

    /// Forgets what is too old to matter.
    mutating func purge(now: NIODeadline) {
        self.trim(now: now)
        while let first = self.expiries.first, first.until <= now { self.forgetFirst() }
    }

    /// When somebody's time is over next.
    var nextExpiry: NIODeadline? { self.expiries.first?.until }

    private mutating func forgetFirst() {
        let (until, privateID) = self.expiries.removeFirst()
        // It may have come back and left again, and have more time.
        if let absent = self.absent[ExactString(privateID)], absent.until <= until {
            self.absent[ExactString(privateID)] = nil
        }
    }
}
