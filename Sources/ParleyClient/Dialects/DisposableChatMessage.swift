/// A message of the disposable chat server: `{"type":T,"data":{…}}`.
public enum DisposableChatMessage: Sendable, Equatable {
    /// One connection in a room.
    public struct Client: Sendable, Equatable, Decodable {
        /// A UUID, new for each connection.
        public var id: String
        public var name: String
    }

    /// Everybody in the room, ourselves included.
    case welcome([Client])
    case registered(Client)
    case unregistered(Client)
    case chat(Client, text: String)
    /// What was wrong with our last message. For people: the wording may change.
    case error(String)
    /// A type that this version does not know, which is no error.
    case other(type: String)
}

extension DisposableChatMessage: Decodable {
    private enum CodingKeys: String, CodingKey { case type, data }
    private enum DataKeys: String, CodingKey { case room, client, action, text }
    private enum RoomKeys: String, CodingKey { case activeClients }

    public init(from decoder: any Decoder) throws {
        let message = try decoder.container(keyedBy: CodingKeys.self)
        let type = try message.decode(String.self, forKey: .type)
        guard ["welcome", "info", "chat", "error"].contains(type) else {
            self = .other(type: type)
            return
        }
        let data = try message.nestedContainer(keyedBy: DataKeys.self, forKey: .data)
        switch type {
        case "welcome":
            let room = try data.nestedContainer(keyedBy: RoomKeys.self, forKey: .room)
            self = .welcome(try room.decodeIfPresent([Client].self, forKey: .activeClients) ?? [])
        case "error":
            self = .error(try data.decode(String.self, forKey: .text))
        case "chat":
            self = .chat(
                try data.decode(Client.self, forKey: .client),
                text: try data.decode(String.self, forKey: .text)
            )
        default:
            let client = try data.decode(Client.self, forKey: .client)
            switch try data.decode(String.self, forKey: .action) {
            case "registered": self = .registered(client)
            case "unregistered": self = .unregistered(client)
            case let action: self = .other(type: "info \(action)")
            }
        }
    }
}
