internal import ParleyHub
internal import ParleyModel
internal import Synchronization

/// The channel server's connections by the identifier that the management API uses.
final class ChannelRegistry: Sendable {
    struct Entry: Sendable {
        /// 16 URL-safe characters.
        let wireID: String
        let connectedAt: WallTime
        let sourceIP: String
        let userAgent: String
    }

    private struct State {
        var connections: [ExactString: (entry: Entry, connection: ConnectionID)] = [:]
        var wireIDs: [ConnectionID: ExactString] = [:]
    }

    private let state = Mutex(State())
    private let wallTime: @Sendable () -> WallTime

    init(wallTime: @escaping @Sendable () -> WallTime) {
        self.wallTime = wallTime
    }

    func makeEntry(sourceIP: String, userAgent: String) -> Entry {
        var random: any RandomNumberGenerator = SystemRandomNumberGenerator()
        return Entry(
            wireID: RandomIdentifier.urlSafe(length: 16, using: &random),
            connectedAt: self.wallTime(),
            sourceIP: sourceIP,
            userAgent: userAgent
        )
    }

    func insert(_ entry: Entry, _ connection: ConnectionID) {
        self.state.withLock { state in
            state.connections[ExactString(entry.wireID)] = (entry, connection)
            state.wireIDs[connection] = ExactString(entry.wireID)
        }
    }

    func remove(_ entry: Entry, _ connection: ConnectionID) {
        self.state.withLock { state in
            state.connections[ExactString(entry.wireID)] = nil
            state.wireIDs[connection] = nil
        }
    }

    func find(_ wireID: String) -> (entry: Entry, connection: ConnectionID)? {
        self.state.withLock { $0.connections[ExactString(wireID)] }
    }

    func entry(of connection: ConnectionID) -> Entry? {
        self.state.withLock { state in state.wireIDs[connection].flatMap { state.connections[$0]?.entry } }
    }
}
