public import ParleyModel

/// A session backend as it is known beyond the life of its server.
public struct StoredBackend: Sendable, Hashable {
    /// An entry of its history. Words are those of the API.
    public struct State: Sendable, Hashable, Codable {
        public var status: String
        /// Milliseconds since 1970.
        public var time: Int64
        public var reason: String?
        public var kind: String?
        public var exitCode: Int?
        /// Left out: `false`.
        public var failedToLaunch: Bool?

        public init(
            status: String,
            time: Int64,
            reason: String? = nil,
            kind: String? = nil,
            exitCode: Int? = nil,
            failedToLaunch: Bool? = nil
        ) {
            self.status = status
            self.time = time
            self.reason = reason
            self.kind = kind
            self.exitCode = exitCode
            self.failedToLaunch = failedToLaunch
        }
    }

    public var id: String
    public var keyScope: String
    public var keyName: String
    /// `account/service` or `account/service/environment`; `nil`: of no service.
    public var service: String?
    public var node: String
    public var createdAt: WallTime
    public var fencingToken: Int64
    public var memoryLimitBytes: Int?
    /// Oldest first; never empty.
    public var states: [State]

    public init(
        id: String,
        keyScope: String,
        keyName: String,
        service: String?,
        node: String,
        createdAt: WallTime,
        fencingToken: Int64,
        memoryLimitBytes: Int? = nil,
        states: [State]
    ) {
        self.id = id
        self.keyScope = keyScope
        self.keyName = keyName
        self.service = service
        self.node = node
        self.createdAt = createdAt
        self.fencingToken = fencingToken
        self.memoryLimitBytes = memoryLimitBytes
        self.states = states
    }
}

/// Keeps what is known of session backends, so that a server that was started anew can still be asked for them.
///
/// One server uses it at a time, and has the backends of its own life, until that is over and the next takes them over.
/// All methods throw ``StoreError``.
public protocol BackendStore: Sendable {
    /// Takes over the backends of every life that is over, whether they had ended or not.
    func takeOver() async throws -> [StoredBackend]

    /// The highest fencing token that was ever saved here; 0: none.
    func highestFencingToken() async throws -> Int64

    /// Each replaces what was saved under its id.
    func save(_ backends: [StoredBackend]) async throws

    func delete(_ ids: [String]) async throws

    /// This life is over.
    func close() async
}
