public import NIOCore

/// A unit of Socket.IO, complete with its attachments.
///
/// Source: Socket.IO protocol, revision 5, "Packet encoding". The binary kinds of the wire are the plain ones here: whether
/// there is binary in a packet is seen by its arguments.
public struct SocketPacket: Sendable {
    public enum Content: Sendable {
        /// A client wants into the namespace; `auth` is the JSON object it gave, if any.
        case connect(auth: ByteBuffer?)
        case disconnect
        case event(name: String, SocketArguments, id: UInt64?)
        case ack(SocketArguments, id: UInt64)
    }

    /// With its slash.
    public var namespace: String
    public var content: Content

    public init(namespace: String, content: Content) {
        self.namespace = namespace
        self.content = content
    }
}

/// Why bytes are no Socket.IO packet, or one that is not allowed here. The whole connection is closed, never answered.
public struct SocketFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case malformed = "malformed packet"
        case payload = "wrong payload for the type of packet"
        case reservedEvent = "reserved event name"
        case tooManyAttachments = "more attachments than maxAttachments allows"
        case placeholder = "placeholder without an attachment"
        case interleaved = "text while attachments are pending"
        case unexpectedBinary = "binary message without a packet that announces it"
        case notConnected = "packet for a namespace that is not joined"
        case alreadyConnected = "second CONNECT for a joined namespace"
        case tooManyNamespaces = "too many namespaces on one connection"
    }

    public let code: Code
    public var description: String { self.code.rawValue }

    public init(_ code: Code) {
        self.code = code
    }
}

/// Names that applications cannot use for events, as clients and servers say other things by them.
public enum ReservedEvent {
    public static let names: Set<String> = [
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
    ]

    public static func contains(_ name: String) -> Bool {
        // All of them begin with one of four letters; most names do not.
        guard let first = name.utf8.first,
            first == UInt8(ascii: "c") || first == UInt8(ascii: "d")
                || first == UInt8(ascii: "n") || first == UInt8(ascii: "r")
        else { return false }
        return Self.names.contains(name)
    }
}
