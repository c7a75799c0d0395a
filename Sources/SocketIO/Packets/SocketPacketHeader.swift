internal import NIOCore
internal import ParleyModel

/// What stands before the payload: `<type>[<attachments>-][<namespace>,][<ack id>]`.
struct SocketPacketHeader {
    enum WireType: UInt8 {
        case connect = 0
        case disconnect
        case event
        case ack
        case connectError
        case binaryEvent
        case binaryAck

        var digit: UInt8 { UInt8(ascii: "0") + self.rawValue }
        var isBinary: Bool { self == .binaryEvent || self == .binaryAck }
    }

    let type: WireType
    var attachments = 0
    var namespace = "/"
    /// At most 2^53-1, which JavaScript counts to.
    var id: UInt64?
    /// The rest; empty when there is no payload.
    var json: ByteBuffer

    static let maximumID: UInt64 = 1 << 53 - 1
    private static let maximumAttachmentDigits = 9

    init(_ text: ByteBuffer, limits: SocketPacketDecoder.Limits) throws(SocketFailure) {
        var text = text
        guard let digit = text.readInteger(as: UInt8.self), digit >= UInt8(ascii: "0"),
            let type = WireType(rawValue: digit - UInt8(ascii: "0"))
        else { throw SocketFailure(.malformed) }
        self.type = type
        self.json = text
        if type.isBinary { try self.readAttachmentCount() }
        if self.peek == UInt8(ascii: "/") { try self.readNamespace(limits.maximumNamespaceBytes) }
        if let byte = self.peek, Self.isDigit(byte) { try self.readID() }
    }

    private var peek: UInt8? { self.json.getInteger(at: self.json.readerIndex) }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private mutating func readAttachmentCount() throws(SocketFailure) {
        var digits = 0
        while let byte = self.json.readInteger(as: UInt8.self) {
            if byte == UInt8(ascii: "-"), digits > 0 { return }
            digits += 1
            guard Self.isDigit(byte), digits <= Self.maximumAttachmentDigits else { break }
            self.attachments = self.attachments * 10 + Int(byte - UInt8(ascii: "0"))
        }
        throw SocketFailure(.malformed)
    }

    /// Up to the first comma, or to the end.
    private mutating func readNamespace(_ maximumBytes: Int) throws(SocketFailure) {
        let view = self.json.readableBytesView
        let comma = view.firstIndex(of: UInt8(ascii: ","))
        let length = (comma ?? view.endIndex) - view.startIndex
        guard length <= maximumBytes, let name = self.json.readString(length: length) else {
            throw SocketFailure(.malformed)
        }
        if comma != nil { self.json.moveReaderIndex(forwardBy: 1) }
        self.namespace = name
    }

    private mutating func readID() throws(SocketFailure) {
        var id: UInt64 = 0
        var digits = 0
        while let byte = self.peek, Self.isDigit(byte) {
            digits += 1
            guard digits <= 16 else { throw SocketFailure(.malformed) }
            id = id * 10 + UInt64(byte - UInt8(ascii: "0"))
            self.json.moveReaderIndex(forwardBy: 1)
        }
        guard id <= Self.maximumID else { throw SocketFailure(.malformed) }
        self.id = id
    }

    /// The payload of a CONNECT: absent, or an object.
    func objectIfAny(maximumDepth: Int) throws(SocketFailure) -> ByteBuffer? {
        guard self.json.readableBytes > 0 else { return nil }
        do {
            guard try JSONScanner.scanValue(self.json, maximumDepth: maximumDepth).kind == .object else {
                throw SocketFailure(.payload)
            }
        } catch let failure as SocketFailure {
            throw failure
        } catch {
            throw SocketFailure(.malformed)
        }
        return self.json
    }

    /// In Socket.IO 2 a CONNECT may carry a query behind its namespace; it becomes the auth object.
    mutating func splitQuery() {
        guard let mark = self.namespace.firstIndex(of: "?") else { return }
        let query = self.namespace[self.namespace.index(after: mark)...]
        self.namespace = String(self.namespace[..<mark])
        var object = ByteBuffer()
        object.writeInteger(UInt8(ascii: "{"))
        var isFirst = true
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if !isFirst { object.writeInteger(UInt8(ascii: ",")) }
            isFirst = false
            object.writeJSONString(PercentDecoding.decode(parts[0]))
            object.writeInteger(UInt8(ascii: ":"))
            object.writeJSONString(parts.count > 1 ? PercentDecoding.decode(parts[1]) : "")
        }
        object.writeInteger(UInt8(ascii: "}"))
        self.json = object
    }
}

/// Queries of Socket.IO 2: RFC 3986 §2.1, broken escapes left as they are.
enum PercentDecoding {
    static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = Self.digit(rest.first),
                let low = Self.digit(rest.dropFirst().first)
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        byte.flatMap { Character(UnicodeScalar($0)).hexDigitValue }.map(UInt8.init)
    }
}
