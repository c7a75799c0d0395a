internal import NIOCore
internal import ParleyModel
internal import ParleyText

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
        if let byte = self.peek, byte.isASCIIDigit { try self.readID() }
    }

    private var peek: UInt8? { self.json.getInteger(at: self.json.readerIndex) }

    private mutating func readAttachmentCount() throws(SocketFailure) {
        var digits = 0
        while let byte = self.json.readInteger(as: UInt8.self) {
            if byte == UInt8(ascii: "-"), digits > 0 { return }
            digits += 1
            guard byte.isASCIIDigit, digits <= Self.maximumAttachmentDigits else { break }
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
        while let byte = self.peek, byte.isASCIIDigit {
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
        guard let mark = self.namespace.utf8.firstIndex(of: UInt8(ascii: "?")) else { return }
        let query = self.namespace[self.namespace.utf8.index(after: mark)...]
        self.namespace = String(self.namespace[..<mark])
        var object = ByteBuffer()
        object.writeInteger(UInt8(ascii: "{"))
        var isFirst = true
        for pair in QueryString(query) {
            if !isFirst { object.writeInteger(UInt8(ascii: ",")) }
            isFirst = false
            object.writeJSONString(PercentEncoding.decodeLeniently(pair.name, plusIsSpace: true))
            object.writeInteger(UInt8(ascii: ":"))
            object.writeJSONString(pair.value.map { PercentEncoding.decodeLeniently($0, plusIsSpace: true) } ?? "")
        }
        object.writeInteger(UInt8(ascii: "}"))
        self.json = object
    }
}
