public import SocketIO
internal import Synchronization

/// Something that a client said.
public struct SocketEvent: Sendable {
    public let socket: Socket
    public let name: String
    public let arguments: SocketArguments
    private let answer: Answer?

    init(socket: Socket, name: String, arguments: SocketArguments, id: UInt64?) {
        self.socket = socket
        self.name = name
        self.arguments = arguments
        self.answer = id.map { Answer(id: $0) }
    }

    private init(_ event: SocketEvent, arguments: SocketArguments) {
        self.socket = event.socket
        self.name = event.name
        self.arguments = arguments
        self.answer = event.answer
    }

    /// The same, for keeping: its arguments own their bytes.
    func detached() -> SocketEvent { SocketEvent(self, arguments: self.arguments.detached()) }

    /// Whether the client waits for an acknowledgement.
    public var wantsAcknowledgement: Bool { self.answer != nil }

    /// Answers the client, if it asked for that and nobody has answered yet. May be called at any later time.
    public func acknowledge(_ arguments: any SocketValueConvertible...) {
        self.acknowledge(arguments: SocketArguments(arguments.map(\.socketValue)))
    }

    public func acknowledge(arguments: SocketArguments) {
        guard let answer, !answer.isGiven.exchange(true, ordering: .relaxed) else { return }
        self.socket.sendAcknowledgement(answer.id, arguments)
    }

    private final class Answer: Sendable {
        let id: UInt64
        let isGiven = Atomic<Bool>(false)
        init(id: UInt64) { self.id = id }
    }
}
