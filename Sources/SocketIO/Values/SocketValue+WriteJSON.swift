public import NIOCore
import ParleyModel

extension SocketValue {
    /// Appends the value as JSON without insignificant space.
    ///
    /// Bytes are cut out in the order in which they stand and appended to `attachments`; in their place is
    /// `{"_placeholder":true,"num":0}` with their index there. Numbers are written as JavaScript does: 1.0 is `1`, and null stands
    /// for what is infinite or no number.
    ///
    /// Source: Socket.IO protocol, revision 5, "Packet encoding".
    public func writeJSON(into buffer: inout ByteBuffer, attachments: inout [ByteBuffer]) {
        switch self {
        case .null: buffer.writeStaticString("null")
        case .bool(let value): buffer.writeStaticString(value ? "true" : "false")
        case .int(let value): buffer.writeString(String(value))
        case .double(let value): buffer.writeJSONNumber(value)
        case .string(let value): buffer.writeJSONString(value)
        case .binary(let value):
            buffer.writeStaticString(#"{"_placeholder":true,"num":"#)
            buffer.writeString(String(attachments.count))
            buffer.writeStaticString("}")
            attachments.append(value)
        case .array(let elements):
            buffer.writeStaticString("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { buffer.writeStaticString(",") }
                element.writeJSON(into: &buffer, attachments: &attachments)
            }
            buffer.writeStaticString("]")
        case .object(let object):
            buffer.writeStaticString("{")
            for (index, member) in object.enumerated() {
                if index > 0 { buffer.writeStaticString(",") }
                buffer.writeJSONString(member.key)
                buffer.writeStaticString(":")
                member.value.writeJSON(into: &buffer, attachments: &attachments)
            }
            buffer.writeStaticString("}")
        case .json(let bytes): buffer.writeImmutableBuffer(bytes)
        }
    }
}

extension SocketValue: CustomStringConvertible {
    /// Its JSON, with placeholders for bytes.
    public var description: String {
        var buffer = ByteBuffer()
        var attachments: [ByteBuffer] = []
        self.writeJSON(into: &buffer, attachments: &attachments)
        return String(buffer: buffer)
    }
}

extension ByteBuffer {
    /// Appends the shortest text that gives the same double back.
    fileprivate mutating func writeJSONNumber(_ value: Double) {
        guard value.isFinite else {
            self.writeStaticString("null")
            return
        }
        // Up to 2^53 the digits of an integer are also its shortest text.
        if value.magnitude <= 9_007_199_254_740_992, let integer = Int64(exactly: value) {
            self.writeString(String(integer))
            return
        }
        let text = value.description
        guard let exponent = text.utf8.lastIndex(of: UInt8(ascii: "e")) else {
            self.writeString(text)
            return
        }
        // Swift writes at least two digits of an exponent, `1e-07`, where JavaScript writes `1e-7`.
        let digits = text.index(exponent, offsetBy: 2)
        self.writeSubstring(text[..<digits])
        self.writeSubstring(text[digits...].drop { $0 == "0" })
    }
}
