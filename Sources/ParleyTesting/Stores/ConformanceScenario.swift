internal import NIOCore
internal import ParleyHub
internal import ParleyModel

/// One rule of a protocol that has several implementations.
public struct ConformanceScenario<Subject: Sendable>: Sendable, CustomStringConvertible {
    /// A sentence about what every implementation does.
    public let description: String
    private let body: @Sendable (Subject) async throws -> Void

    package init(_ description: String, _ body: @escaping @Sendable (Subject) async throws -> Void) {
        self.description = description
        self.body = body
    }

    /// - Parameter subject: Empty.
    /// - Throws: ``ConformanceFailure`` for what does not hold, or what the implementation threw out of turn.
    public func run(_ subject: Subject) async throws { try await self.body(subject) }
}

package func expect<Value: Equatable>(_ found: Value, _ expected: Value, _ what: String) throws {
    guard found != expected else { return }
    throw ConformanceFailure("Expected \(what) to be \(expected), got \(found)")
}

/// Topics, clients and members for scenarios.
enum Sample {
    static let start = WallTime(milliseconds: 1_700_000_000_123)

    static func after(_ milliseconds: Int64) -> WallTime {
        WallTime(milliseconds: Self.start.milliseconds + milliseconds)
    }

    static func topic(_ name: String, space: UInt16 = 0) -> TopicKey {
        TopicKey(space: SpaceID(rawValue: space), name: TopicName(name))
    }

    static func node(_ number: UInt32, _ incarnation: UInt32 = 0) -> NodeIncarnation {
        NodeIncarnation(node: NodeID(rawValue: number), number: incarnation)
    }

    static func member(_ name: String, on node: UInt32 = 1, slot: UInt32 = 0) -> Member {
        Member(
            client: ClientID(
                incarnation: Self.node(node),
                connection: ConnectionID(shard: 0, slot: slot, generation: 0)
            ),
            id: "id-\(name)",
            name: name,
            dialect: .relay
        )
    }

    static func publication(_ offset: UInt64, _ payload: Payload, by name: String = "a") -> Publication {
        Publication(
            offset: offset,
            time: Self.after(Int64(offset)),
            sender: Sender(id: "id-\(name)", name: name),
            payload: payload
        )
    }

    static func text(_ text: String) -> Payload { .text(ByteBuffer(string: text)) }
}
