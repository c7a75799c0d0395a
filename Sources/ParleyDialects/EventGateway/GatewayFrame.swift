public import NIOCore
public import ParleyModel

/// A native message of the event gateway, `{"event":E,"data":D}` in either direction.
///
/// Source: event gateway specification, *Framing*. `data` is passed on as the bytes in which it came.
public enum GatewayFrame: Equatable, Sendable {
    /// `data` is `nil` when it is absent.
    case event(String, data: ByteBuffer?)
    /// An object whose `event` is missing, no string or no Unicode, shown as JavaScript would.
    case unnamed(String)
    /// No JSON object at all.
    case unusable

    /// - Parameter message: Text or bytes; bytes are read as UTF-8.
    public init(_ message: ByteBuffer, kind: MessageKind) {
        guard kind == .text || TextLength.isUTF8(message) else {
            self = .unusable
            return
        }
        var event: JSONValue?
        var data: JSONValue?
        do {
            try JSONScanner.scanObject(message) { key, value in
                if key == "event" {
                    event = value
                } else if key == "data" {
                    data = value
                }
            }
        } catch {
            // An array, number or string has no `event`; null and what is no JSON cannot be asked for one.
            self = error.reason == .notAnObject && !Self.isNull(message) ? .unnamed("undefined") : .unusable
            return
        }
        guard let event else {
            self = .unnamed("undefined")
            return
        }
        guard let name = JSONString.decodeName(event, in: message) else {
            self = .unnamed(String(buffer: message.slice(of: event)))
            return
        }
        self = .event(name, data: data.map { message.slice(of: $0) })
    }

    private static func isNull(_ message: ByteBuffer) -> Bool {
        (try? JSONScanner.scanValue(message))?.kind == .null
    }

    /// - Parameter data: JSON; `nil`: left out.
    public static func write(_ event: String, _ data: ByteBuffer?, into message: inout ByteBuffer) {
        message.writeStaticString("{\"event\":")
        message.writeJSONString(event)
        if let data {
            message.writeStaticString(",\"data\":")
            message.writeImmutableBuffer(data)
        }
        message.writeInteger(UInt8(ascii: "}"))
    }
}
