internal import EngineIO
internal import ParleyHub
internal import ParleyModel
internal import SocketIO

/// A Socket.IO server as its hub knows it: what its shards tell each other, done.
struct SocketIOPart: HubPart {
    let registry: NamespaceRegistry
    let site: SocketIOSite

    func receive(_ command: any ShardCommand, on shard: Shard) {
        guard let command = command as? NodeCommand else { return }
        switch command {
        case .speak(let speech):
            self.registry.namespace(named: speech.namespace)?
                .publish(speech.event, speech.arguments, to: speech.selection, from: shard, request: speech.request)
        case .deliverInOrder(let delivery, let namespace):
            self.passOn(delivery, of: namespace, from: shard)
        case .askAll(let question):
            self.askAll(question, from: shard)
        case .broadcast(let broadcast):
            self.deliver(broadcast, on: shard)
        case .ask(let question):
            self.answer(question, on: shard)
        case .settled(let id, let namespace):
            self.site.state(on: shard).presence(named: namespace)?.awaited[id] = nil
        case .forget(let namespace):
            self.forget(namespace, on: shard)
        case .deliver(let delivery):
            self.client(delivery.connection, on: shard)?.take(delivery)
        case .order(let order, let address):
            guard let client = self.client(address.connection, on: shard),
                let socket = client.socket(id: address.socketID)
            else { return }
            client.perform(order, for: socket)
        case .answer(let answer):
            self.take(answer, on: shard)
        case .recovery(let question, let namespace):
            self.decide(question, of: namespace, on: shard)
        case .recovered(let answer, let attempt):
            self.take(answer, for: attempt, on: shard)
        case .supplant(let old, let request, let attempt):
            // It stores the socket, and that arrives at the home before the second question.
            self.client(old, on: shard)?.connection.close(.transportError)
            self.ask(.restore(request, for: attempt, mayClose: false), of: attempt.namespace, from: shard)
        }
    }

    /// The client of a connection, on its shard.
    func client(_ id: ConnectionID, on shard: Shard) -> SocketClient? {
        let holder = shard[id]?.delegate as? any EngineConnectionHolder
        return holder?.engineConnection?.user as? SocketClient
    }

    // MARK: Events

    private func deliver(_ broadcast: Broadcast, on shard: Shard) {
        guard let presence = self.site.state(on: shard).presence(named: broadcast.namespace) else {
            guard let request = broadcast.request else { return }
            return shard.send(NodeCommand.answer(.reached([], request)), for: self.site.part, to: request.asker)
        }
        presence.namespace.deliver(broadcast, on: shard, self.site)
    }

    /// At the home of a log: what is in none goes on from here, behind what was said to it.
    private func passOn(_ delivery: Delivery, of namespace: String, from shard: Shard) {
        var content = delivery.content
        if case .unlogged(let event, let wireName) = content {
            let position = shard.position(of: self.registry.topics.log(of: namespace))
            content = .packet(event.packet(namespace: wireName, offset: position?.recoveryText))
        }
        let delivery = Delivery(
            connection: delivery.connection,
            content: content,
            compresses: delivery.compresses
        )
        shard.send(NodeCommand.deliver(delivery), for: self.site.part, to: Int(delivery.connection.shard))
    }

    func listens(to topic: TopicKey, from position: StreamPosition?, on shard: Shard) {
        guard let presence = self.site.state(on: shard).presence(ofLog: topic) else { return }
        // Where nothing is kept, nobody is owed anything.
        presence.log = .heard(position ?? StreamPosition(epoch: 0, offset: 0))
        let waiting = presence.waiting
        presence.waiting = []
        for body in waiting { body() }
    }

    func heard(_ publication: Publication, in topic: TopicKey, epoch: UInt64, on shard: Shard) {
        guard let presence = self.site.state(on: shard).presence(ofLog: topic) else { return }
        let position = StreamPosition(epoch: epoch, offset: publication.offset)
        presence.log = .heard(position)
        guard let entry = NamespaceEntry(publication.payload) else { return }
        presence.namespace.deliver(entry, at: position, on: shard, self.site)
    }

    // MARK: Questions

    private func askAll(_ question: Question, from shard: Shard) {
        var question = question
        if case .change(let change) = question.subject,
            let namespace = self.registry.namespace(named: question.namespace), namespace.hasLog
        {
            // The log has it done everywhere; the question only follows it.
            namespace.log(.change(change), for: question.selection, from: shard)
            question.subject = .arrival
        }
        shard.sendToAll(NodeCommand.ask(question), for: self.site.part)
    }

    private func answer(_ question: Question, on shard: Shard) {
        let namespace = self.site.state(on: shard).presence(named: question.namespace)?.namespace
        let sockets = { namespace?.sockets(of: question.selection, on: shard, self.site) ?? [] }
        let answer: Answer
        switch question.subject {
        case .sockets: answer = .sockets(sockets().map(\.socketDescription), number: question.number)
        case .count: answer = .count(sockets().count, number: question.number)
        case .change(let change):
            for socket in sockets() { socket.perform(.change(change)) }
            answer = .done(number: question.number)
        case .arrival: answer = .done(number: question.number)
        }
        shard.send(NodeCommand.answer(answer), for: self.site.part, to: question.asker)
    }

    private func take(_ answer: Answer, on shard: Shard) {
        guard !self.site.questions.receive(answer), case .reached(let recipients, let request) = answer,
            let recipient = recipients.first
        else { return }
        // Time was up before the broadcast got there: nobody waits for what it is answered.
        shard.send(
            NodeCommand.settled(acknowledgement: request.id, namespace: request.namespace),
            for: self.site.part,
            to: Int(recipient.shard)
        )
    }

    // MARK: Namespaces

    private func forget(_ namespace: String, on shard: Shard) {
        let state = self.site.state(on: shard)
        if let log = state.forget(namespace) { shard.stopListening(to: log, for: self.site.part) }
        if state.absentSockets[ExactString(namespace)]?.isEmpty == true {
            state.absentSockets[ExactString(namespace)] = nil
        }
    }
}
