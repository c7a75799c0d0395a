internal import NIOCore
internal import ParleyModel
internal import SocketIO

/// A socket that may come back.
struct RecoverableSession: Sendable {
    let id: String
    let privateID: String
    let wireName: String
    var rooms: Set<ExactString>
    let data: SocketValue
    /// Nothing up to here is owed to it: where the log was when it joined, or a place behind which it has missed nothing since.
    var joined: StreamPosition
    /// Up to where its shard had heard the log when it left.
    var heard: StreamPosition
}

/// The sockets of a namespace that may come back, and those that are there under the secret by which they might: a value, told the
/// time. The namespace's home shard has it.
///
/// Source: Socket.IO server specification §3.1. Bounded by age and number.
struct AbsentSockets: Sendable {
    private struct Absent: Sendable {
        let session: RecoverableSession
        let until: NIODeadline
    }

    /// What a client asks for in its CONNECT.
    struct Request: Sendable {
        let privateID: String
        let wireName: String
        let claim: RecoveryClaim
    }

    struct Restored: Sendable {
        let session: RecoverableSession
        let missed: MissedEvents
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
    private var absent: [ExactString: Absent] = [:]
    /// Who is absent until when, the first first: everybody may be away for the same time. Those who came back stay here until
    /// their time.
    private var expiries: CircularBuffer<(until: NIODeadline, privateID: String)> = []
    /// Who is there, by private id.
    private var live: [ExactString: ConnectionID] = [:]

    init(_ policy: ConnectionStateRecovery) {
        self.policy = policy
    }

    private var duration: TimeAmount { self.policy.maximumDisconnection ?? .zero }

    // MARK: Coming and going

    /// A socket is there.
    mutating func opened(_ privateID: String, by connection: ConnectionID) {
        self.live[ExactString(privateID)] = connection
    }

    /// A socket has left for good.
    mutating func closed(_ privateID: String, by connection: ConnectionID) {
        if self.live[ExactString(privateID)] == connection { self.live[ExactString(privateID)] = nil }
    }

    /// A socket has left and may come back.
    /// - Returns: Whether nobody was waited for before: from now on ``purge(now:)`` has work.
    mutating func left(_ session: RecoverableSession, by connection: ConnectionID, now: NIODeadline) -> Bool {
        guard self.live[ExactString(session.privateID)] == connection else { return false }
        self.live[ExactString(session.privateID)] = nil
        return self.store(session, now: now)
    }

    /// - Returns: As ``left(_:by:now:)`` does.
    mutating func store(_ session: RecoverableSession, now: NIODeadline) -> Bool {
        let isFirst = self.expiries.isEmpty
        let until = now + self.duration
        self.absent[ExactString(session.privateID)] = Absent(session: session, until: until)
        self.expiries.append((until, session.privateID))
        if self.expiries.count > self.policy.maximumAbsentSockets { self.forgetFirst() }
        return isFirst
    }

    // MARK: Coming back

    /// - Parameter log: What the log has behind a position; `nil` when that is not all.
    mutating func restore(
        _ request: Request,
        now: NIODeadline,
        log: (StreamPosition) -> [Publication]?
    ) -> RestoreAction {
        self.purge(now: now)
        if let connection = self.live[ExactString(request.privateID)] { return .closeFirst(connection) }
        guard let session = self.absent[ExactString(request.privateID)]?.session,
            session.wireName.hasSameBytes(as: request.wireName), let start = Self.start(of: session, request.claim),
            let publications = log(start)
        else { return .unknown }
        self.absent[ExactString(request.privateID)] = nil
        let missed = MissedEvents(
            publications,
            after: start,
            by: session.id,
            in: session.rooms,
            heard: session.heard
        )
        guard !missed.isDisconnected else { return .unknown }
        var restored = session
        restored.rooms = missed.rooms
        restored.heard = missed.newest
        if request.claim == .nothing, missed.events.isEmpty { restored.joined = missed.newest }
        return .restored(Restored(session: restored, missed: missed))
    }

    /// Behind which position a socket is owed everything.
    ///
    /// Without a claim nothing has arrived since it joined, whatever was sent: not what came after it left is missed, but all of
    /// that. A position from before it joined says the same.
    private static func start(of session: RecoverableSession, _ claim: RecoveryClaim) -> StreamPosition? {
        switch claim {
        case .nothing: return session.joined
        case .upTo(let position):
            guard position.epoch == session.joined.epoch else { return nil }
            return position.offset > session.joined.offset ? position : session.joined
        }
    }

    // MARK: Time

    /// Forgets who has been away for too long.
    mutating func purge(now: NIODeadline) {
        while let first = self.expiries.first, first.until <= now { self.forgetFirst() }
    }

    /// Whether nothing is lost with it.
    var isEmpty: Bool { self.live.isEmpty && self.expiries.isEmpty }

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
