package import NIOCore

/// A value of the Redis serialization protocol, version 2 or 3.
///
/// Bytes are slices of what was received and keep it in memory: who holds a small value for long copies it.
/// Source: https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md
package enum RESPValue: Sendable, Hashable {
    /// `_`, and the null string and null array of version 2.
    case null
    case simpleString(ByteBuffer)
    /// Its first word says what kind of error it is; see ``RESPErrorReply``.
    case simpleError(ByteBuffer)
    case bulkString(ByteBuffer)
    case bulkError(ByteBuffer)
    case integer(Int64)
    case double(Double)
    case boolean(Bool)
    /// Decimal digits, perhaps behind a sign: more of them than fit into 64 bits.
    case bigNumber(ByteBuffer)
    /// Text with three letters that say what it is, `txt` or `mkd`.
    indirect case verbatim(format: ByteBuffer, text: ByteBuffer)
    case array([RESPValue])
    case set([RESPValue])
    /// In the order in which it came; nothing is said of keys that come twice.
    case map([RESPPair])
    /// What nobody has asked for: messages of subscriptions.
    case push([RESPValue])
    /// A value with remarks on it, which a reader that does not know them leaves out.
    indirect case attributed(RESPValue, attributes: [RESPPair])
}

/// A key of a map or an attribute, and what it has.
package struct RESPPair: Sendable, Hashable {
    package var key: RESPValue
    package var value: RESPValue

    package init(_ key: RESPValue, _ value: RESPValue) {
        self.key = key
        self.value = value
    }
}

/// An error that the server has answered with: `NOSCRIPT No matching script.`
package struct RESPErrorReply: Sendable, Hashable {
    /// The first word; `ERR` where there is no other.
    package let code: String
    /// All of it, bytes that are no UTF-8 replaced. What a peer has written: not for a log as it is.
    package let text: String

    package init(_ bytes: ByteBuffer) {
        self.text = String(buffer: bytes)
        self.code = String(decoding: bytes.readableBytesView.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
    }
}
