internal import EngineIO
internal import Logging
package import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO

/// Long-polling: posts in, held polls out.
extension EngineConnection {
    /// A GET for this session.
    package func poll(_ respond: @escaping Respond) {
        self.tick(self.shard.eventLoop.now)
        // Whatever is on its way into the outbox goes with it.
        self.shard.flushNotes()
        switch self.session.pollBegan() {
        case .answer:
            respond(self.takePoll())
            if !self.session.isOpen, self.session.outbox.isEmpty { self.endProbe() }
        case .hold: self.heldPoll = respond
        case .overlap:
            respond(EngineAnswer(status: 400))
            self.session.outbox.append(.close)
            self.answerHeldPoll()
            self.finish(.transportError)
        case .answerAndEnd:
            self.session.outbox.append(.close)
            respond(self.takePoll())
            self.forget()
        case .unknownSession:
            respond(.refusal(self.session.transport == nil ? .sessionUnknown : .badRequest))
        }
        self.scheduleWake()
    }

    /// The client dropped the connection of its held poll.
    package func pollDropped() {
        guard self.session.pollDropped() else { return }
        self.heldPoll = nil
        self.finish(.transportError)
    }

    func takePoll(all: Bool = false) -> EngineAnswer {
        let maximum = all ? Int.max : self.host.configuration.engine.maximumPacketsPerPoll
        guard self.session.revision == .three else {
            return .poll(self.session.outbox.takeBody(maximumPackets: maximum))
        }
        var packets = self.session.outbox.takePackets(maximumPackets: maximum)
        if packets.isEmpty { packets = [EnginePacket(.noop)] }
        let (body, isBinary) = PollingPayloadV3.write(packets, supportsBinary: !self.wantsBase64)
        return .poll(body, isBinary: isBinary)
    }

    /// The answer to the request that opened the session.
    package func takeHandshake() -> EngineAnswer { self.takePoll() }

    func answerHeldPoll(all: Bool = false) {
        guard let respond = self.heldPoll else { return }
        self.heldPoll = nil
        respond(self.takePoll(all: all))
    }

    /// The head of a POST.
    /// - Returns: Why its body is not to be received.
    package func postBegan() -> EngineAnswer? {
        self.tick(self.shard.eventLoop.now)
        switch self.session.postBegan() {
        case .receive: return nil
        case .overlap:
            self.close(.transportError)
            return EngineAnswer(status: 400)
        case .unknownSession:
            return .refusal(self.session.transport == nil ? .sessionUnknown : .badRequest)
        }
    }

    /// The client vanished before its POST was complete.
    package func postDropped() {
        self.session.postEnded()
        if self.session.isOpen { self.close(.transportError) }
    }

    /// The body of a POST was refused for its size; the session goes on.
    package func postRefused() { self.session.postEnded() }

    /// A complete POST.
    package func post(_ body: ByteBuffer, isBinary: Bool) -> EngineAnswer {
        self.session.postEnded()
        self.shard.context.now = self.shard.eventLoop.now
        guard !isBinary || self.session.revision == .three else {
            self.close(.transportError)
            return EngineAnswer(status: 400)
        }
        // Text goes on to others as text of WebSocket, which ends their connections if it is none.
        guard isBinary || TextLength.isUTF8(body) else {
            self.close(.parseError)
            return EngineAnswer(status: 400)
        }
        do {
            if self.session.revision == .three {
                var reader = PollingPayloadV3Reader(body, isBinary: isBinary)
                while self.session.transport != nil, let packet = try reader.next() { self.received(packet) }
            } else {
                var reader = PollingPayloadReader(body)
                while self.session.transport != nil, let packet = try reader.next() { self.received(packet) }
            }
        } catch {
            self.close(.parseError)
            return EngineAnswer(status: 400)
        }
        self.scheduleWake()
        return .ok
    }
}
