/// A store of histories, and who is told how it fares.
public struct StoredHistories: Sendable {
    let store: any HistoryStore
    let watch: StoreWatch

    /// - Parameter report: Called when the store's trouble begins and when it ends, for the log.
    public init(_ store: any HistoryStore, report: @escaping @Sendable (StoreHealth.Change) -> Void = { _ in }) {
        self.store = store
        self.watch = StoreWatch(report: report)
    }
}
