import NIOCore
import ParleyDialects
import ParleyHub
import ParleyModel
import Synchronization

@testable import ParleyGateway

/// Connections that are none; remembers what was asked of them.
final class RecordingConnections: GatewayLiveConnections {
    enum Call: Equatable, Sendable {
        case end(String)
        case emit(event: String, data: String, session: String?, user: String?)
    }

    private let recorded = Mutex<[Call]>([])

    var calls: [Call] { self.recorded.withLock { $0 } }
    var activeConnections: Int { 0 }

    func end(session token: String) async {
        self.recorded.withLock { $0.append(.end(token)) }
    }

    func emit(event: String, data: ByteBuffer, session: String?, user: String?) async -> Int {
        let call = Call.emit(event: event, data: String(buffer: data), session: session, user: user)
        self.recorded.withLock { $0.append(call) }
        return Self.connections
    }

    /// How many connections an event reaches here.
    static let connections = 3
}

/// A store that cannot be asked.
struct AbsentSessionStore: SessionStore {
    private func fail() throws -> Never { throw StoreError(.unavailable, "The store is away") }

    func create(_ session: GatewaySession) async throws { try self.fail() }
    func find(_ token: String, now: WallTime) async throws -> GatewaySession? { try self.fail() }
    func noteActivity(_ times: [String: WallTime]) async throws { try self.fail() }
    func link(_ token: String, userID: UserID, now: WallTime) async throws -> Bool { try self.fail() }
    func delete(_ token: String) async throws -> Bool { try self.fail() }
    func purge(now: WallTime) async throws -> Int { try self.fail() }
    func check() async throws { try self.fail() }
}

/// Says the same to everybody.
struct ScriptedChat: ChatProvider {
    struct BrokeOff: Error {}

    let pieces: [String]
    var breaksOff = false
    let name = "scripted"

    init(pieces: [String], breaksOff: Bool = false) {
        self.pieces = pieces
        self.breaksOff = breaksOff
    }

    func answer(to turns: [ChatTurn], locale: String?) -> AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { continuation in
            for piece in self.pieces { continuation.yield(piece) }
            continuation.finish(throwing: self.breaksOff ? BrokeOff() : nil)
        }
    }
}
