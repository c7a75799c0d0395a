internal import NIOCore
internal import ParleyModel
internal import SocketIO

/// One publication of a namespace's log: what is said or done, and to whom. To the hub it is bytes.
struct NamespaceEntry: Sendable {
    enum Content: Sendable {
        /// - Parameter isNoted: Whether those who listen to what is sent to a socket have been told of it.
        case event(EncodedEvent, isNoted: Bool)
        case change(RoomChange)
    }

    let selection: Selection
    let content: Content
}

/// What is done to sockets by others, and changes who hears what.
enum RoomChange: Sendable {
    case join([String])
    case leave([String])
    /// - Parameter closes: Whether their connections are closed.
    case disconnect(closes: Bool)
}

extension NamespaceEntry {
    private enum Kind: UInt8 { case event, join, leave, disconnect }

    private struct Flags: OptionSet {
        let rawValue: UInt8
        static let compresses = Flags(rawValue: 1)
        static let isNoted = Flags(rawValue: 2)
        static let closes = Flags(rawValue: 4)
        static let hasSpeaker = Flags(rawValue: 8)
        static let hasSpeakerID = Flags(rawValue: 16)
    }

    /// A kind, flags, the audience, and what the kind has.
    var payload: Payload {
        var bytes = ByteBuffer()
        bytes.writeMultipleIntegers(self.kind.rawValue, self.flags.rawValue)
        bytes.writeNames(self.selection.rooms)
        bytes.writeNames(self.selection.except)
        if let speaker = self.selection.excluding { bytes.write(speaker) }
        if let id = self.selection.excludedID { bytes.writeName(id) }
        switch self.content {
        case .event(let event, _): event.write(into: &bytes)
        case .change(.join(let rooms)), .change(.leave(let rooms)): bytes.writeNames(rooms)
        case .change(.disconnect): break
        }
        return .binary(bytes)
    }

    private var kind: Kind {
        switch self.content {
        case .event: .event
        case .change(.join): .join
        case .change(.leave): .leave
        case .change(.disconnect): .disconnect
        }
    }

    private var flags: Flags {
        var flags: Flags = self.selection.options.compresses ? .compresses : []
        if case .event(_, isNoted: true) = self.content { flags.insert(.isNoted) }
        if case .change(.disconnect(closes: true)) = self.content { flags.insert(.closes) }
        if self.selection.excluding != nil { flags.insert(.hasSpeaker) }
        if self.selection.excludedID != nil { flags.insert(.hasSpeakerID) }
        return flags
    }

    /// - Returns: `nil` when it is none.
    init?(_ payload: Payload) {
        guard case .binary(var bytes) = payload, let kind = bytes.readInteger(as: UInt8.self).flatMap(Kind.init),
            let flags = bytes.readInteger(as: UInt8.self).map(Flags.init), let rooms = bytes.readNames(),
            let except = bytes.readNames()
        else { return nil }
        var selection = Selection(rooms: rooms, except: except)
        selection.options.compresses = flags.contains(.compresses)
        if flags.contains(.hasSpeaker) {
            guard let speaker = bytes.readClient() else { return nil }
            selection.excluding = speaker
        }
        if flags.contains(.hasSpeakerID) {
            guard let id = bytes.readName() else { return nil }
            selection.excludedID = id
        }
        let content: Content?
        switch kind {
        case .event:
            content = EncodedEvent(reading: &bytes).map { .event($0, isNoted: flags.contains(.isNoted)) }
        case .join: content = bytes.readNames().map { .change(.join($0)) }
        case .leave: content = bytes.readNames().map { .change(.leave($0)) }
        case .disconnect: content = .change(.disconnect(closes: flags.contains(.closes)))
        }
        guard let content, bytes.readableBytes == 0 else { return nil }
        self.init(selection: selection, content: content)
    }
}

extension ByteBuffer {
    fileprivate mutating func writeName(_ name: String) {
        self.writeInteger(UInt32(name.utf8.count))
        self.writeString(name)
    }

    fileprivate mutating func readName() -> String? {
        self.readInteger(as: UInt32.self).flatMap { self.readString(length: Int($0)) }
    }

    fileprivate mutating func writeNames(_ names: [String]) {
        self.writeInteger(UInt32(names.count))
        for name in names { self.writeName(name) }
    }

    fileprivate mutating func readNames() -> [String]? {
        guard let count = self.readInteger(as: UInt32.self) else { return nil }
        var names: [String] = []
        for _ in 0..<count {
            guard let name = self.readName() else { return nil }
            names.append(name)
        }
        return names
    }

    fileprivate mutating func write(_ client: ClientID) {
        self.writeMultipleIntegers(
            client.incarnation.node.rawValue,
            client.incarnation.number,
            client.connection.shard,
            client.connection.slot,
            client.connection.generation
        )
    }

    fileprivate mutating func readClient() -> ClientID? {
        guard
            let (node, number, shard, slot, generation) = self.readMultipleIntegers(
                as: (UInt32, UInt32, UInt16, UInt32, UInt32).self
            )
        else { return nil }
        return ClientID(
            incarnation: NodeIncarnation(node: NodeID(rawValue: node), number: number),
            connection: ConnectionID(shard: shard, slot: slot, generation: generation)
        )
    }
}
