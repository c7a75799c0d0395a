internal import ParleyModel
internal import SocketIO

/// Something that every shard is asked of its sockets, or told to do to them. Each answers.
struct Question: Sendable {
    enum Subject: Sendable {
        case sockets
        case count
        case change(RoomChange)
        /// Whether everything that was said before has arrived.
        case arrival
    }

    /// Its number at the node that asks.
    let number: UInt64
    /// The shard that is told the answers.
    let asker: Int
    let namespace: String
    let selection: Selection
    var subject: Subject
}

/// That a broadcast is to be acknowledged.
struct AcknowledgementRequest: Sendable {
    /// The number of the question that it is.
    let number: UInt64
    /// The shard that is told the answers.
    let asker: Int
    let namespace: String
    /// What clients name in their acknowledgements.
    let id: UInt64
}

/// What a shard, or a client of it, answers.
enum Answer: Sendable {
    case sockets([SocketDescription], number: UInt64)
    case count(Int, number: UInt64)
    case done(number: UInt64)
    /// A broadcast has been sent to these.
    case reached([ConnectionID], AcknowledgementRequest)
    case acknowledged(SocketValue, by: ConnectionID, number: UInt64)

    var number: UInt64 {
        switch self {
        case .sockets(_, let number), .count(_, let number), .done(let number), .acknowledged(_, _, let number): number
        case .reached(_, let request): request.number
        }
    }
}

/// What is known of a socket elsewhere.
struct SocketDescription: Sendable {
    let id: String
    let handshake: Handshake
    let rooms: SocketRooms
    let data: SocketValue
}

/// The answers to one question: complete when every shard has answered, and everybody whom a broadcast has reached. A value.
struct Gathering: Sendable {
    private var shardsToAnswer: Int
    private(set) var sockets: [SocketDescription] = []
    private(set) var count = 0
    private(set) var responses: [SocketValue] = []
    private var expected: Set<ConnectionID> = []

    init(shards: Int) {
        self.shardsToAnswer = shards
    }

    var isComplete: Bool { self.shardsToAnswer <= 0 && self.expected.isEmpty }

    mutating func receive(_ answer: Answer) {
        switch answer {
        case .sockets(let sockets, _):
            self.sockets += sockets
            self.shardsToAnswer -= 1
        case .count(let count, _):
            self.count += count
            self.shardsToAnswer -= 1
        case .done:
            self.shardsToAnswer -= 1
        case .reached(let recipients, _):
            self.expected.formUnion(recipients)
            self.shardsToAnswer -= 1
        case .acknowledged(let value, let connection, _):
            // Whoever was not asked, or has answered before, does not count.
            if self.expected.remove(connection) != nil { self.responses.append(value) }
        }
    }
}
