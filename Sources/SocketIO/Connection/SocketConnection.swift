public import NIOCore
internal import ParleyModel

/// The state machine of one connection: which namespaces it has joined, and what its packets mean there.
///
/// Source: Socket.IO server specification §2.4. Whatever it cannot accept closes the whole connection.
public struct SocketConnection: Sendable {
    private enum Membership: Sendable, Equatable {
        /// A CONNECT is being decided; only the newest attempt counts.
        case connecting(attempt: Int)
        case connected
    }

    private struct Entry: Sendable {
        let namespace: String
        var membership: Membership
    }

    private let parser: SocketParser
    private var decoder: SocketPacketDecoder
    private var entries: [Entry] = []
    private var attempts = 0
    /// No namespace joined by then: the connection is closed. `nil` once one was joined, for good.
    private(set) public var connectDeadline: NIODeadline?
    private let maximumNamespaces: Int

    /// - Parameters:
    ///   - connectDeadline: The end of `connectTimeout`.
    ///   - maximumNamespaces: Namespaces that one connection may join or ask for at a time.
    public init(
        parser: SocketParser,
        limits: SocketPacketDecoder.Limits = SocketPacketDecoder.Limits(),
        revision: SocketPacketDecoder.Revision = .five,
        connectDeadline: NIODeadline,
        maximumNamespaces: Int = 100
    ) {
        self.parser = parser
        self.decoder = SocketPacketDecoder(limits: limits, revision: revision)
        self.connectDeadline = connectDeadline
        self.maximumNamespaces = maximumNamespaces
    }

    /// There is no Socket.IO on this connection.
    public mutating func neverConnects() { self.connectDeadline = nil }

    /// Memory, in bytes, of a packet whose attachments have not all come; 0: there is none.
    public var unfinishedBytes: Int { self.decoder.pendingBytes }

    public enum ReceiveAction: Sendable {
        /// Attachments are still to come, or the packet means nothing.
        case none
        /// Decide whether the client may join, and answer with ``accept(_:attempt:)`` or ``refuse(_:attempt:)``.
        /// - `replaces`: an earlier attempt is abandoned: it is not to be answered any more.
        case connect(namespace: String, auth: ByteBuffer?, attempt: Int, replaces: Int?)
        /// The client left a namespace.
        case disconnect(namespace: String)
        case event(namespace: String, name: String, SocketArguments, id: UInt64?)
        case ack(namespace: String, SocketArguments, id: UInt64)
        /// Close the connection with every namespace on it; nothing is answered.
        case close(SocketFailure)
    }

    /// - Parameter message: The payload of an Engine.IO message packet. A slice of a read buffer: what is kept is copied.
    public mutating func receive(_ message: ByteBuffer, isBinary: Bool) -> ReceiveAction {
        do throws(SocketFailure) {
            guard let packet = try self.decode(message, isBinary: isBinary) else {
                // Its attachments are awaited; but not for somebody who has joined nothing.
                if !self.entries.contains(where: { $0.membership == .connected }) { throw SocketFailure(.notConnected) }
                return .none
            }
            return try self.receive(packet)
        } catch {
            return .close(error)
        }
    }

    private mutating func decode(_ message: ByteBuffer, isBinary: Bool) throws(SocketFailure) -> SocketPacket? {
        switch (self.parser, isBinary) {
        case (.json, false): return try self.decoder.receive(text: message)
        case (.json, true): return try self.decoder.receive(binary: message)
        case (.messagePack, true):
            let packet = try MessagePackPacket.parse(message)
            guard packet.namespace.utf8.count <= self.decoder.limits.maximumNamespaceBytes,
                packet.namespace.hasPrefix("/")
            else { throw SocketFailure(.malformed) }
            return packet
        case (.messagePack, false): throw SocketFailure(.malformed)
        }
    }

    private mutating func receive(_ packet: SocketPacket) throws(SocketFailure) -> ReceiveAction {
        let index = self.entries.firstIndex { $0.namespace.hasSameBytes(as: packet.namespace) }
        if case .connect(let auth) = packet.content {
            return try self.connect(packet.namespace, at: index, auth: auth)
        }
        guard let index, self.entries[index].membership == .connected else { throw SocketFailure(.notConnected) }
        switch packet.content {
        case .connect:
            return .none
        case .disconnect:
            self.entries.remove(at: index)
            return .disconnect(namespace: packet.namespace)
        case .event(let name, let arguments, let id):
            return .event(namespace: packet.namespace, name: name, arguments, id: id)
        case .ack(let arguments, let id):
            return .ack(namespace: packet.namespace, arguments, id: id)
        }
    }

    private mutating func connect(
        _ namespace: String,
        at index: Int?,
        auth: ByteBuffer?
    ) throws(SocketFailure) -> ReceiveAction {
        self.attempts += 1
        guard let index else {
            guard self.entries.count < self.maximumNamespaces else { throw SocketFailure(.tooManyNamespaces) }
            self.entries.append(Entry(namespace: namespace, membership: .connecting(attempt: self.attempts)))
            return .connect(namespace: namespace, auth: auth, attempt: self.attempts, replaces: nil)
        }
        guard case .connecting(let earlier) = self.entries[index].membership else {
            throw SocketFailure(.alreadyConnected)
        }
        self.entries[index].membership = .connecting(attempt: self.attempts)
        return .connect(namespace: namespace, auth: auth, attempt: self.attempts, replaces: earlier)
    }

    /// The client may join.
    /// - Returns: False when the attempt was abandoned: nothing is sent.
    public mutating func accept(_ namespace: String, attempt: Int) -> Bool {
        guard let index = self.index(of: namespace, attempt: attempt) else { return false }
        self.entries[index].membership = .connected
        self.connectDeadline = nil
        return true
    }

    /// The client may not join; it stays connected, and may ask again.
    /// - Returns: False when the attempt was abandoned: nothing is sent.
    public mutating func refuse(_ namespace: String, attempt: Int) -> Bool {
        guard let index = self.index(of: namespace, attempt: attempt) else { return false }
        self.entries.remove(at: index)
        return true
    }

    /// The server made the client leave a namespace.
    public mutating func leave(_ namespace: String) {
        self.entries.removeAll { $0.namespace.hasSameBytes(as: namespace) && $0.membership == .connected }
    }

    public func isConnected(to namespace: String) -> Bool {
        self.entries.contains { $0.namespace.hasSameBytes(as: namespace) && $0.membership == .connected }
    }

    private func index(of namespace: String, attempt: Int) -> Int? {
        self.entries.firstIndex {
            $0.namespace.hasSameBytes(as: namespace) && $0.membership == .connecting(attempt: attempt)
        }
    }
}
