public import ParleyModel

/// What joins the nodes that share topics: one log per topic, which decides, and tells every node that listens.
///
/// One value is one node's. All methods return at once; answers come once, from any thread, perhaps before the method has
/// returned. A failed answer is a ``StoreError`` with `unavailable`: whether the broker has done what it was asked for is not known.
public protocol Broker: Sendable {
    /// Has every record that is written from now on told to `receive`, in the order of the log, until ``unsubscribe(from:)``.
    ///
    /// What was written before `confirm` is called may be told or not; what is written after it is told at most once. Nothing is
    /// guaranteed to arrive: who listens compares offsets, and asks.
    func subscribe(
        to topic: TopicKey,
        receive: @escaping @Sendable (TopicRecord) -> Void,
        confirm: @escaping @Sendable (Result<Void, StoreError>) -> Void
    )

    /// A record that is on its way may still come. Doing it twice does nothing.
    func unsubscribe(from topic: TopicKey)

    /// Writes a batch into the log: wholly, in so far as the topic's rules allow, or not at all.
    ///
    /// A number that was used is answered as it was the first time, and written no second time, so that a batch without an answer
    /// may be proposed again. An answer `accepted` means that the record outlives the proposer.
    func append(
        _ batch: TopicBatch,
        to topic: TopicKey,
        answer: @escaping @Sendable (Result<TopicAnswer, StoreError>) -> Void
    )

    /// Members, history and place of the log at one moment. A topic that there is not is made, without members.
    func state(of topic: TopicKey, answer: @escaping @Sendable (Result<TopicState, StoreError>) -> Void)

    /// The records behind a place, in order and without a hole; `nil` when the log does not have them all, or is another.
    func records(
        of topic: TopicKey,
        after position: StreamPosition,
        answer: @escaping @Sendable (Result<[TopicRecord]?, StoreError>) -> Void
    )

    /// How far the log is: what a node compares with what it has applied, as nobody else notices a last record that was lost.
    func tail(of topic: TopicKey, answer: @escaping @Sendable (Result<StreamPosition, StoreError>) -> Void)
}
