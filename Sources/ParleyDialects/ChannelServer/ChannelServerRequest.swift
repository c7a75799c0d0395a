internal import NIOCore
internal import ParleyModel

/// What a client of the channel server asked for.
enum ChannelServerRequest: Equatable {
    /// The limit of a DynamoDB sort key, which the channel id was.
    static let maximumChannelBytes = 1024

    /// `nil` when the channel id is missing, no string, empty, too long, or has half of a surrogate pair in it.
    case join(String?)
    /// `data` as sent; `nil` when absent.
    case publish(ByteBuffer?)
    case ping(ByteBuffer?)
    /// Not JSON, not an object, or an unknown or missing `type`.
    case unusable

    init(_ message: ByteBuffer) {
        var type: JSONValue?
        var channel: JSONValue?
        var data: JSONValue?
        do {
            try JSONScanner.scanObject(message) { key, value in
                if key == "type" {
                    type = value
                } else if key == "data" {
                    data = value
                } else if key == "channelId" {
                    channel = value
                }
            }
        } catch {
            self = .unusable
            return
        }
        guard let type else {
            self = .unusable
            return
        }
        if Self.is(type, "publish", in: message) {
            self = .publish(data.map { message.slice(of: $0) })
        } else if Self.is(type, "ping", in: message) {
            self = .ping(data.map { message.slice(of: $0) })
        } else if Self.is(type, "join", in: message) {
            self = .join(channel.flatMap { Self.channel($0, in: message) })
        } else {
            self = .unusable
        }
    }

    private static func channel(_ value: JSONValue, in message: ByteBuffer) -> String? {
        guard let channel = JSONString.decodeName(value, in: message),
            (1...Self.maximumChannelBytes).contains(channel.utf8.count)
        else { return nil }
        return channel
    }

    /// Compares a JSON string with a word, without decoding unless it has escapes.
    private static func `is`(_ value: JSONValue, _ word: StaticString, in message: ByteBuffer) -> Bool {
        guard value.kind == .string else { return false }
        let isSame = message.withUnsafeReadableBytes { bytes in
            bytes[value.range].dropFirst().dropLast()
                .elementsEqual(UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
        }
        return isSame
            || (value.range.count > word.utf8CodeUnitCount + 2
                && JSONString.decode(value, in: message)?.hasSameBytes(as: word.description) == true)
    }
}
