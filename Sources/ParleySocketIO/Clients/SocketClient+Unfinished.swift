internal import EngineIO
internal import Logging
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO

/// A packet whose attachments have not all come.
final class UnfinishedPacket {
    fileprivate var progress: ProgressWatch
    private let holding: MemoryLedger.Holding

    fileprivate init(progress: ProgressWatch, holding: MemoryLedger.Holding) {
        self.progress = progress
        self.holding = holding
    }

    /// By when more must have come.
    var deadline: NIODeadline { self.progress.deadline }

    fileprivate func advanced(to bytes: Int, now: NIODeadline) {
        self.progress.advanced(to: bytes, now: now)
        self.holding.update(bytes: bytes)
    }
}

/// What is not complete counts with all that waits in memory, and has to go on arriving, however it is carried: one message of
/// WebSocket or one body is complete with each attachment, the packet is not.
extension SocketClient {
    func accountForUnfinishedPacket() {
        let bytes = self.machine.unfinishedBytes
        guard bytes > 0 else {
            self.unfinishedPacket = nil
            return
        }
        let now = self.shard.eventLoop.now
        let packet = self.unfinishedPacket ?? self.beginUnfinishedPacket(now)
        packet.advanced(to: bytes, now: now)
        self.connection.scheduleWake()
    }

    private func beginUnfinishedPacket(_ now: NIODeadline) -> UnfinishedPacket {
        let (host, id) = (self.connection.host, self.id)
        let holding = host.ledger.open(.input) {
            host.site.hub.post(EngineCommand.evict(id, .input), for: host.part, to: Int(id.shard))
        }
        let progress = ProgressWatch(timeout: self.configuration.attachmentTimeout, now: now)
        let packet = UnfinishedPacket(progress: progress, holding: holding)
        self.unfinishedPacket = packet
        return packet
    }

    func evictInput() { self.dropUnfinishedPacket(.overloaded) }

    /// A packet cannot be left out: its client would wait for what it has asked for.
    func dropUnfinishedPacket(_ reason: CloseReason) {
        guard self.unfinishedPacket != nil else { return }
        self.unfinishedPacket = nil
        self.registry.logger.debug(
            "Session closed: the attachments of a packet have not come",
            metadata: ["connection": "\(self.id)", "reason": "\(reason.reason)"]
        )
        self.connection.close(.transportError, code: reason)
    }
}
