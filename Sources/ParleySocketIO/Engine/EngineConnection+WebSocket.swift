package import EngineIO
internal import Logging
package import NIOCore
internal import ParleyHub
package import ParleyModel
internal import SocketIO

/// WebSocket: its messages, and the upgrade from polling.
extension EngineConnection {
    /// A message on the WebSocket that carries the session.
    package func webSocketReceived(_ kind: MessageKind, _ message: ByteBuffer) {
        guard let packet = self.packet(kind, message) else { return self.close(.parseError) }
        self.received(packet)
    }

    func packet(_ kind: MessageKind, _ message: ByteBuffer) -> EnginePacket? {
        switch (kind, self.session.revision) {
        case (.text, _): return try? EnginePacket(text: message)
        case (.binary, .four): return EnginePacket(.message, message, isBinary: true)
        case (.binary, .three):
            var message = message
            guard message.readInteger(as: UInt8.self) == EnginePacket.Kind.message.rawValue else { return nil }
            return EnginePacket(.message, message, isBinary: true)
        }
    }

    /// The WebSocket that carries the session is gone.
    package func webSocketEnded(_ reason: EngineCloseReason) {
        self.finish(reason)
    }

    /// A WebSocket wants to take the session over.
    /// - Returns: Whether it may try.
    package func probeBegan(_ driver: any EngineWebSocketDriver) -> Bool {
        let now = self.shard.eventLoop.now
        self.tick(now)
        guard self.session.probeBegan(self.host.configuration.engine, now: now) else { return false }
        self.probe = driver
        self.place?.polled()
        self.scheduleWake()
        return true
    }

    package enum ProbeOutcome {
        case goesOn, upgraded, closed
        /// It was upgraded and closed at once.
        case ended
    }

    /// A message on the WebSocket that probes.
    package func probeReceived(_ kind: MessageKind, _ message: ByteBuffer) -> ProbeOutcome {
        guard let driver = self.probe else { return .closed }
        let packet = self.packet(kind, message) ?? EnginePacket(.noop)
        let now = self.shard.eventLoop.now
        switch self.session.probeReceived(packet, self.host.configuration.engine, now: now) {
        case .answer:
            driver.sendProbe(ByteBuffer(string: "3probe"))
            self.scheduleWake()
            return .goesOn
        case .upgrade(let releasesPoll):
            if releasesPoll { self.answerHeldPoll() }
            self.probe = nil
            self.upgrade(to: driver)
            return .upgraded
        case .upgradeAndEnd:
            self.probe = nil
            self.upgrade(to: driver)
            self.forget()
            driver.close(.normal)
            return .ended
        case .close:
            self.probe = nil
            return .closed
        }
    }

    /// The WebSocket that probed is gone.
    package func probeEnded() {
        self.probe = nil
        self.session.probeEnded()
        self.scheduleWake()
    }

    func upgrade(to driver: any EngineWebSocketDriver) {
        guard let connection = self.hubConnection else { return }
        self.shard.flushNotes()
        let waiting = self.session.outbox.takePackets()
        self.clearOutbox()
        self.webSocket = driver
        self.shard.hand(connection, to: driver, format: self.host.site.formats.id(of: driver.formatKind))
        driver.attach(connection)
        // The WebSocket has a place of its own.
        self.place = nil
        if !waiting.isEmpty {
            let formats = self.host.site.formats
            self.shard.send(to: connection) { wire in
                for packet in waiting {
                    formats.write(
                        packet.kind,
                        packet.payload,
                        isBinary: packet.isBinary,
                        as: connection.format,
                        into: &wire
                    )
                }
            }
        }
        self.scheduleWake()
    }
}
