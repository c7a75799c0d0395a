internal import DequeModule
internal import NIOCore
internal import ParleyHub
internal import ParleyModel

/// What is decided about the backends of a node: which there are, what becomes of them, and who may reach them. At most one live
/// backend per key, as its key lock says.
///
/// A value: commands, the time and random words come in, and what is to be done goes out as ``BackendEffect``, in the order in which
/// it is to be done for each backend. Callbacks and streams are payload, never called here.
struct SupervisorMachine: Sendable {
    typealias Moment = BackendLifecycle.Moment

    /// What is waited for.
    enum Subject: Sendable, Hashable {
        case backend(BackendID)
        case key(BackendKey)
    }

    let configuration: SupervisorConfiguration
    /// Of keys.
    let lease: LeaseTimes
    /// Whether backends are known beyond this life.
    let isRecording: Bool

    /// By numbers of their own: ids may be used again.
    var records: [Int: BackendRecord] = [:]
    /// The record of each id that can be asked for.
    var numbers: [BackendID: Int] = [:]
    var tokens: [ExactString: IssuedToken] = [:]
    /// Records of those that hold a key, or are about to.
    var live: Set<Int> = []
    /// Their names below the cluster's, in lower case.
    var labels: [String: Set<Int>] = [:]
    /// Records at their end, the oldest first.
    var ended: Deque<(number: Int, at: NIODeadline)> = []
    /// Records that cannot be asked for any more, but whose sockets may go on with another backend, and until when.
    var departed: [Int: NIODeadline] = [:]
    /// Records whose output is kept, the oldest first.
    var keptOutput: Deque<Int> = []
    var keptOutputBytes = 0
    var isShuttingDown = false
    /// When each account has spawned during the last minute.
    var spawns: [ExactString: Deque<NIODeadline>] = [:]
    var watchers = Watchers<Subject>()
    /// How many backends have taken their keys.
    var spawnCount = 0
    /// How many of those have not let go of them.
    var heldCount = 0
    var announcer: NodeAnnouncer
    var endCounts: [TerminationReason?: Int] = [:]
    var restarts: [BackendKey: RestartPace] = [:]
    private var lastNumber = 0

    /// - Parameter nodeLease: How long an announcement of the node lasts.
    init(_ configuration: SupervisorConfiguration, lease: LeaseTimes, nodeLease: TimeAmount, isRecording: Bool) {
        self.configuration = configuration
        self.lease = lease
        self.announcer = NodeAnnouncer(lease: nodeLease)
        self.isRecording = isRecording
    }

    /// One that was never given before.
    mutating func makeNumber() -> Int {
        self.lastNumber += 1
        return self.lastNumber
    }

    subscript(id: BackendID) -> BackendRecord? { self.numbers[id].flatMap { self.records[$0] } }

    // MARK: Live backends

    private static func labels(of record: BackendRecord) -> Set<String> {
        [record.id.text, record.subdomain?.lowercased() ?? record.id.text]
    }

    mutating func enter(_ record: BackendRecord) {
        self.records[record.number] = record
        self.numbers[record.id] = record.number
        self.live.insert(record.number)
        for label in Self.labels(of: record) { self.labels[label, default: []].insert(record.number) }
    }

    mutating func leave(_ record: BackendRecord) {
        self.live.remove(record.number)
        for label in Self.labels(of: record) {
            self.labels[label]?.remove(record.number)
            if self.labels[label]?.isEmpty == true { self.labels[label] = nil }
        }
    }

    /// Keeps what is known of a backend beyond this life.
    func save(_ number: Int, _ effects: inout [BackendEffect]) {
        guard self.isRecording, let record = self.records[number], record.grant != nil else { return }
        effects.add(.save(StoredBackend(record)), for: record.id)
    }
}
