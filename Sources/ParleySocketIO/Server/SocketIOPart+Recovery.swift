internal import NIOCore
internal import ParleyHub
internal import ParleyModel

/// Sockets that come back: what their namespace's home decides, and who is told.
extension SocketIOPart {
    func ask(_ question: RecoveryQuestion, of namespace: String, from shard: Shard) {
        let home = shard.home(of: self.registry.topics.log(of: namespace))
        shard.send(NodeCommand.recovery(question, namespace: namespace), for: self.site.part, to: home)
    }

    /// On the home shard.
    func decide(_ question: RecoveryQuestion, of namespace: String, on home: Shard) {
        let now = home.eventLoop.now
        switch question {
        case .opened(let privateID, let connection):
            self.change(namespace, on: home) { $0.opened(privateID, by: connection) }
        case .closed(let privateID, let connection):
            self.change(namespace, on: home) { $0.closed(privateID, by: connection) }
        case .left(let session, let connection):
            let isFirst = self.change(namespace, on: home) { $0.left(session, by: connection, now: now) }
            if isFirst { self.purgeLater(namespace, on: home) }
        case .putBack(let session):
            let isFirst = self.change(namespace, on: home) { $0.store(session, now: now) }
            if isFirst { self.purgeLater(namespace, on: home) }
        case .restore(let request, let attempt, let mayClose):
            self.restore(request, for: attempt, mayClose: mayClose, on: home)
        case .missed(let position, let id, let rooms, let attempt):
            let log = self.registry.topics.log(of: namespace)
            let missed = home.publications(in: log, after: position).map {
                MissedEvents($0, after: position, by: id, in: rooms, heard: position)
            }
            self.tell(.missed(missed), to: attempt, from: home)
        }
    }

    /// Decides and nothing else: what is done about it may end up here again.
    private func change<Value>(
        _ namespace: String,
        on home: Shard,
        _ body: (inout AbsentSockets) -> Value
    ) -> Value {
        let fresh = AbsentSockets(self.registry.configuration.recovery)
        return body(&self.site.state(on: home).absentSockets[ExactString(namespace), default: fresh])
    }

    private func restore(
        _ request: AbsentSockets.Request,
        for attempt: ConnectAttempt,
        mayClose: Bool,
        on home: Shard
    ) {
        let log = self.registry.topics.log(of: attempt.namespace)
        let now = home.eventLoop.now
        let action = self.change(attempt.namespace, on: home) { absent in
            absent.restore(request, now: now) { home.publications(in: log, after: $0) }
        }
        switch action {
        case .restored(let restored):
            self.tell(.restored(restored), to: attempt, from: home)
        case .closeFirst(let old) where mayClose:
            // The client knows better than we do: what we take for its connection is dead.
            home.send(
                NodeCommand.supplant(old, request, for: attempt),
                for: self.site.part,
                to: Int(old.shard)
            )
        case .closeFirst, .unknown:
            self.tell(.restored(nil), to: attempt, from: home)
        }
    }

    private func tell(_ answer: RecoveryAnswer, to attempt: ConnectAttempt, from home: Shard) {
        home.send(
            NodeCommand.recovered(answer, for: attempt),
            for: self.site.part,
            to: Int(attempt.connection.shard)
        )
    }

    /// So that what nobody came back for does not stay: one timer for a namespace, for as long as it has absent sockets.
    private func purgeLater(_ namespace: String, on home: Shard) {
        self.purge(namespace, after: self.registry.configuration.recovery.maximumDisconnection ?? .zero, on: home)
    }

    private func purge(_ namespace: String, after time: TimeAmount, on home: Shard) {
        let bound = NIOLoopBound(home, eventLoop: home.eventLoop)
        home.eventLoop.scheduleTask(in: time + .milliseconds(100)) {
            let home = bound.value
            let state = self.site.state(on: home)
            home.expireHistory(of: self.registry.topics.log(of: namespace))
            guard var absent = state.absentSockets[ExactString(namespace)] else { return }
            absent.purge(now: home.eventLoop.now)
            state.absentSockets[ExactString(namespace)] = absent.isEmpty ? nil : absent
            guard let next = absent.nextExpiry else { return }
            self.purge(namespace, after: max(.zero, next - home.eventLoop.now), on: home)
        }
    }

    // MARK: On the shard of the client

    func take(_ answer: RecoveryAnswer, for attempt: ConnectAttempt, on shard: Shard) {
        if let client = self.client(attempt.connection, on: shard) {
            return client.take(answer, for: attempt)
        }
        // Gone in the meantime: it may try again.
        guard case .restored(let restored?) = answer else { return }
        self.ask(.putBack(restored.session), of: attempt.namespace, from: shard)
    }
}
