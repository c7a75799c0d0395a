public import ParleyModel

/// A publication with the place that it has in the log of its topic.
public struct StoredPublication: Sendable, Equatable {
    public let topic: TopicKey
    public let epoch: UInt64
    public let publication: Publication

    public init(topic: TopicKey, epoch: UInt64, publication: Publication) {
        self.topic = topic
        self.epoch = epoch
        self.publication = publication
    }

    public var position: StreamPosition {
        StreamPosition(epoch: self.epoch, offset: self.publication.offset)
    }
}

/// Keeps what was said in topics with a history.
///
/// Publications of a topic come in the order in which they were said. All methods throw ``StoreError``.
public protocol HistoryStore: Sendable {
    /// Grows with each start of whoever keeps the store: what was decided in an earlier one and is not here was never told to anybody.
    var boot: UInt64 { get }

    /// Adds publications of any topics, as one: all of them or none.
    ///
    /// When it returns, they are there, whatever becomes of this process. A place that is taken in its topic and epoch is left as it
    /// is, so that a call without an answer may be made again.
    /// - Parameter limits: How many publications of a topic stay, the newest; of topics that are not named, all do.
    func append(_ publications: [StoredPublication], keeping limits: [TopicKey: Int]) async throws

    /// What is kept of a topic, oldest first.
    func publications(in topic: TopicKey) async throws -> [StoredPublication]

    /// Every topic of which something is kept, in no order.
    func topics() async throws -> [TopicKey]

    /// Forgets topics, wholly. Those of which nothing is kept are none of its concern.
    func remove(_ topics: [TopicKey]) async throws
}
