internal import NIOCore
internal import ParleyModel

/// A message of the channel server. `json` is always the text as it came: long numbers and the order of keys are kept.
public enum ChannelServerMessage: Sendable, Equatable {
    /// Somebody in the channel, ourselves included, has published. The sender's id is new with each join.
    case message(senderID: String, json: String)
    /// The answer to a ping; `nil` when that had no data.
    case pong(json: String?)
    /// Publishing is safe from now on.
    case joinSuccess
    /// The channel id is not valid; the channel joined before is still joined.
    case joinFailure
    /// Our publication is in the queue of every member.
    case publishSuccess
    /// We have joined no channel. The reason is for people.
    case publishFailure(reason: String)
    /// What we sent is no message of this protocol.
    case badRequest(message: String, connectionID: String, requestID: String)
}

extension ChannelServerMessage {
    private static let dialect = "the channel server"

    /// - Throws: ``WebSocketClientError`` with `unexpectedMessage`.
    init(_ message: WebSocketMessage) throws {
        let text = try message.text(of: Self.dialect)
        let buffer = ByteBuffer(string: text)
        var fields: [String: JSONValue] = [:]
        do throws(JSONFailure) {
            try JSONScanner.scanObject(buffer) { fields[$0.string] = $1 }
        } catch {
            throw JSONMessage.unexpected(text, of: Self.dialect, error)
        }
        func string(_ key: String) -> String? { fields[key].flatMap { JSONString.decode($0, in: buffer) } }
        func json(_ key: String) -> String? { fields[key].map { String(buffer: buffer.slice(of: $0)) } }

        switch string("type") {
        case "message":
            guard let sender = string("senderId"), let data = json("data") else {
                throw JSONMessage.unexpected(text, of: Self.dialect)
            }
            self = .message(senderID: sender, json: data)
        case "pong": self = .pong(json: json("data"))
        case "joinSuccess": self = .joinSuccess
        case "joinFailure": self = .joinFailure
        case "publishSuccess": self = .publishSuccess
        case "publishFailure": self = .publishFailure(reason: string("data") ?? "")
        case nil:
            guard let message = string("message") else { throw JSONMessage.unexpected(text, of: Self.dialect) }
            self = .badRequest(
                message: message,
                connectionID: string("connectionId") ?? "",
                requestID: string("requestId") ?? ""
            )
        default: throw JSONMessage.unexpected(text, of: Self.dialect)
        }
    }
}
