internal import ParleyBackends
internal import ParleyModel
internal import Synchronization

/// How many streams of events are open, of each kind and backend.
final class StreamLimits: Sendable {
    enum Kind: Int, Sendable {
        /// Anybody who knows the id may look, and each page does.
        case states = 10_000
        case output = 64
        /// Each looks through the processes of the machine.
        case use = 16

        var maximum: Int { self.rawValue }
    }

    fileprivate struct Subject: Hashable {
        let kind: Kind
        let backend: BackendID
    }

    private let counts = Mutex<[Subject: Int]>([:])

    func take(_ kind: Kind, of backend: BackendID) throws(BackendFailure) -> StreamPermit {
        let subject = Subject(kind: kind, backend: backend)
        let isTaken = self.counts.withLock { counts in
            guard counts[subject, default: 0] < kind.maximum else { return false }
            counts[subject, default: 0] += 1
            return true
        }
        guard isTaken else { throw .tooManyStreams }
        return StreamPermit(subject, in: self)
    }

    fileprivate func giveBack(_ subject: Subject) {
        self.counts.withLock { counts in
            counts[subject] = (counts[subject] ?? 1) > 1 ? counts[subject, default: 1] - 1 : nil
        }
    }
}

/// A place among the streams of a backend, until it is let go of.
final class StreamPermit: Sendable {
    private let subject: StreamLimits.Subject
    private let limits: StreamLimits

    fileprivate init(_ subject: StreamLimits.Subject, in limits: StreamLimits) {
        self.subject = subject
        self.limits = limits
    }

    deinit { self.limits.giveBack(self.subject) }
}
