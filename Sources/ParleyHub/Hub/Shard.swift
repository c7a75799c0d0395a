public import NIOCore
public import ParleyModel

/// The part of the hub that one event loop owns: its connections, the topics whose home it is, and the tick's arena.
///
/// Everything here runs on that loop, without locks. See docs/architecture.md §3.
public final class Shard {
    private struct Slot {
        var generation: UInt32 = 0
        var connection: Connection?
    }

    public let index: Int
    public let eventLoop: any EventLoop
    let configuration: HubConfiguration
    private let mailbox: Mailbox
    /// The other shards, this one included, by index. Set once, when the hub is made.
    var peers: [ShardReference] = []

    private var slots: ContiguousArray<Slot> = []
    private var freeSlots: [UInt32] = []
    var localTopics: [TopicKey: LocalTopic] = [:]
    /// Topics with one subscriber and no list (``openInbox(_:for:)``).
    var inboxes: [TopicKey: Connection] = [:]
    var audienceStamp: UInt32 = 0
    /// Topics whose home this is.
    var topics: [TopicKey: Topic] = [:]
    /// Topics without members, by space: each list is in the order of its deadlines, as a space has one retention.
    var idleTopics: [SpaceID: IdleTopics] = [:]
    /// Bytes of topics without members: see Shard+Histories.swift.
    var idleHistoryBytes = 0
    var historyHolding: MemoryLedger.Holding?
    /// Topics of which snapshots are told in this tick: see Shard+Snapshots.swift.
    var snapshotTopics: ContiguousArray<Topic> = []
    /// Bytes of lines kept for snapshots.
    var renderedBytes = 0

    /// What was decided and is not in the store yet: see Shard+StoredHistories.swift.
    var historyWriter: HistoryWriter
    /// Bytes of publications that wait for the store.
    var heldHistoryBytes = 0
    var isHeldReported = false
    /// Topics of which an earlier process has left a history that nobody has asked for yet.
    var unopenedTopics: Set<TopicKey> = []

    /// What a topic wants done: kept, so that a publication allocates no list.
    var effects: ContiguousArray<TopicEffect> = []

    /// What stands on the hub, by the index of its id.
    var parts: ContiguousArray<(any HubPart)?> = []

    var arena = Arena()
    /// Connections with notes.
    var touched: ContiguousArray<Connection> = []
    /// Groups of subscribers whose latest publications are not noted yet, in the order of those.
    var pendingGroups: ContiguousArray<PendingGroup> = []
    private var flushing: ContiguousArray<Connection> = []
    private var chunks: ContiguousArray<UnsafeRawBufferPointer> = []
    private var isFlushing = false
    private var isFlushScheduled = false
    private var deferred: [() -> Void] = []
    /// Made once, so that scheduling a flush allocates nothing.
    private lazy var scheduledFlush: @Sendable () -> Void = {
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        return { bound.value.flush() }
    }()
    private var outboxes: [[ShardMessage]] = []
    /// Bytes of messages in each outbox.
    private var outboxBytes: [Int] = []

    /// Who has more to say than fits into one turn, see Shard+Turns.swift.
    var turnQueue = TurnQueue()
    var turnTimer: Scheduled<Void>?
    /// Bytes of messages taken in since the last flush.
    var turnBytes = 0

    private var wheel: TimerWheel<ConnectionID>
    /// For deadlines that are near: they come more exactly, and the fast timer runs only while there are any.
    private var fineWheel: TimerWheel<ConnectionID>
    private var wheelTimer: Scheduled<Void>?
    private var fineWheelTimer: Scheduled<Void>?

    /// Time and chance for the dialects of this shard's connections.
    public var context: DialectContext
    public var metrics = HubMetrics()

    init(index: Int, eventLoop: any EventLoop, configuration: HubConfiguration, mailbox: Mailbox) {
        self.index = index
        self.mailbox = mailbox
        self.eventLoop = eventLoop
        self.configuration = configuration
        self.context = DialectContext(now: eventLoop.now, random: configuration.makeRandom())
        self.historyWriter = HistoryWriter(hold: configuration.maximumHold)
        self.wheel = TimerWheel(now: eventLoop.now)
        self.fineWheel = TimerWheel(now: eventLoop.now, resolution: .milliseconds(4))
        self.outboxes = Array(repeating: [], count: configuration.shards)
        self.outboxBytes = Array(repeating: 0, count: configuration.shards)
    }

    // MARK: Connections

    /// Registers a connection. It hears nothing until it joins a topic.
    public func open(
        dialect: DialectName,
        format: FormatID,
        policy: SlowConsumerPolicy,
        delegate: any ConnectionDelegate
    ) -> Connection {
        let slot: UInt32
        if let free = self.freeSlots.popLast() {
            slot = free
        } else {
            slot = UInt32(self.slots.count)
            self.slots.append(Slot())
        }
        let id = ConnectionID(shard: UInt16(self.index), slot: slot, generation: self.slots[Int(slot)].generation)
        let connection = Connection(
            id: id,
            dialect: dialect,
            format: format,
            policy: policy,
            delegate: delegate,
            now: self.eventLoop.now
        )
        self.slots[Int(slot)].connection = connection
        self.metrics.connections[dialect, default: 0] += 1
        return connection
    }

    /// Ends a connection: it leaves its topics and hears nothing more. Closing twice does nothing.
    public func close(_ connection: Connection) {
        guard !self.isFlushing else {
            self.afterFlush { self.close(connection) }
            return
        }
        guard connection.isOpen else { return }
        self.detach(connection, isGone: true)
        connection.delegate = nil
        connection.directHandle = nil
        let slot = Int(connection.id.slot)
        self.slots[slot].connection = nil
        self.slots[slot].generation &+= 1
        self.freeSlots.append(connection.id.slot)
        self.metrics.connections[connection.dialect, default: 1] -= 1
    }

    /// Makes a connection leave its topics for good. What it was sent before still goes out, and replies may follow.
    public func detach(_ connection: Connection) {
        guard !self.isFlushing else {
            self.afterFlush { self.detach(connection) }
            return
        }
        self.detach(connection, isGone: false)
    }

    private func detach(_ connection: Connection, isGone: Bool) {
        guard !connection.isDetached else { return }
        connection.isDetached = true
        while let subscription = connection.subscriptions.last {
            if !isGone { self.tellLastSnapshot(of: subscription.topic, to: connection) }
            self.unsubscribe(connection, slot: connection.subscriptions.count - 1)
            if !subscription.isLocal {
                self.send(.leave(subscription.topic.key, connection.id), to: subscription.topic.home)
            }
        }
    }

    /// Calls `body` for each open connection.
    public func forEachConnection(_ body: (Connection) -> Void) {
        for slot in self.slots {
            if let connection = slot.connection { body(connection) }
        }
    }

    public subscript(id: ConnectionID) -> Connection? {
        guard Int(id.slot) < self.slots.count, self.slots[Int(id.slot)].generation == id.generation else { return nil }
        return self.slots[Int(id.slot)].connection
    }

    // MARK: Topics, as a connection sees them

    /// Asks for membership; the answer is ``ConnectionDelegate/joinCompleted(_:_:)``, perhaps before this returns.
    public func join(_ connection: Connection, _ request: JoinRequest) {
        let key = self.configuration.key(request.topic, for: connection.dialect)
        let member = Member(
            client: self.client(connection.id),
            id: request.memberID,
            name: request.memberName,
            dialect: connection.dialect
        )
        let join = TopicJoin(
            member: member,
            uniqueness: request.uniqueness,
            maximumMembers: request.maximumMembers
        )
        connection.beganJoin(of: key)
        self.send(.join(key, join, connection.format), to: self.home(of: key))
    }

    /// Ends a membership: nothing more is heard of the topic. A join on its way is taken back, and not answered.
    public func leave(_ connection: Connection, _ topic: TopicKey) {
        if let slot = connection.subscription(to: topic) {
            self.tellLastSnapshot(of: connection.subscriptions[slot].topic, to: connection)
            self.unsubscribe(connection, slot: slot)
        } else {
            connection.takeBackJoins(of: topic)
        }
        self.send(.leave(topic, connection.id), to: self.home(of: topic))
    }

    /// Publishes to a topic that `connection` is a member of; nothing happens if it is not.
    ///
    /// Delivered at most once, in the same order to all. With `wantsCompletion`, ``ConnectionDelegate/publishCompleted(_:)`` follows
    /// when it has been handed to every member of this process.
    /// - Parameter payload: May be a slice of a read buffer; what is kept is copied.
    public func publish(
        _ payload: Payload,
        from connection: Connection,
        to topic: TopicKey,
        includingSender: Bool,
        wantsCompletion: Bool
    ) {
        let client = self.client(connection.id)
        let publish = TopicPublish(
            origin: .member(client),
            payload: payload,
            excluding: includingSender ? nil : client,
            wantsCompletion: wantsCompletion
        )
        self.send(.publish(topic, publish), to: self.home(of: topic))
    }

    /// Publishes on behalf of somebody who is no member.
    public func publish(_ payload: Payload, from sender: Sender, to topic: TopicKey) {
        self.send(
            .publish(topic, TopicPublish(origin: .outside(sender), payload: payload)),
            to: self.home(of: topic)
        )
    }

    // MARK: Sending

    /// Appends bytes for one connection alone, in order with everything else that it receives.
    /// - Parameter body: Writes whole frames; called at once.
    public func send(to connection: Connection, _ body: (inout ByteBuffer) -> Void) {
        self.prepareArena()
        self.note(self.arena.appendReply(body), for: connection)
    }

    /// Makes room: called before anything is appended, so that noted ranges stay valid.
    ///
    /// What was put off until after a flush is put off further, to the end of the tick: here somebody is in the middle of
    /// telling an event to one format after another, and what happens next must come next for all of them.
    func prepareArena() {
        if self.arena.isFull, !self.isFlushing { self.writeNotes() }
        self.scheduleFlush()
    }

    private func note(_ range: ArenaRange, for connection: Connection) {
        guard !range.isEmpty, connection.isOpen else { return }
        if !self.pendingGroups.isEmpty { self.catchUp(connection) }
        if connection.notes.isEmpty { self.touched.append(connection) }
        connection.notes.add(range, merging: connection.mergesNotes, in: &self.arena)
    }

    /// Hands every touched connection its bytes now, without waiting for the end of the tick.
    public func flushNotes() {
        guard !self.isFlushing else { return }
        self.writeNotes()
        while !self.deferred.isEmpty {
            let work = self.deferred
            self.deferred = []
            for item in work { item() }
        }
    }

    private func writeNotes() {
        self.notePending()
        if !self.touched.isEmpty {
            self.isFlushing = true
            self.context.now = self.eventLoop.now
            swap(&self.touched, &self.flushing)
            // Copies of the buffers' handles: whatever happens meanwhile, these bytes stay.
            let arena = self.arena
            arena.publications.withUnsafeReadableBytes { publications in
                arena.replies.withUnsafeReadableBytes { replies in
                    self.write(ArenaBytes(publications: publications, replies: replies), links: arena.links)
                }
            }
            self.flushing.removeAll(keepingCapacity: true)
            self.isFlushing = false
        }
        self.arena.clear()
    }

    private func write(_ bytes: ArenaBytes, links: ContiguousArray<Arena.Link>) {
        // Unwrapped here, once: who is asked for each connection anew is copied for each.
        let writer: any DirectWriter = self.configuration.directWriter ?? NoDirectWriter()
        var sent = 0
        for connection in self.flushing {
            let notes = connection.notes
            connection.notes.clear()
            connection.caughtUpTo = 0
            if notes.isOneRange, let handle = connection.directHandle {
                let chunk = bytes[notes.first]
                sent += chunk.count
                let outcome = writer.write(chunk, to: handle)
                if outcome == .wrote(chunk.count) { continue }
                self.chunks.removeAll(keepingCapacity: true)
                self.chunks.append(chunk)
                self.passOn(outcome, to: connection, messages: notes.messages)
            } else {
                self.chunks.removeAll(keepingCapacity: true)
                var total = 0
                notes.forEach(in: links) { range in
                    self.chunks.append(bytes[range])
                    total += self.chunks[self.chunks.count - 1].count
                }
                sent += total
                guard let handle = connection.directHandle else {
                    connection.delegate?.write(self.chunks, messages: Int(notes.messages), skipping: 0)
                    continue
                }
                let outcome = writer.write(self.chunks, to: handle)
                if outcome != .wrote(total) { self.passOn(outcome, to: connection, messages: notes.messages) }
            }
        }
        self.metrics.sentBytes += sent
    }

    /// The transport did not take everything: its driver deals with the rest.
    private func passOn(_ outcome: DirectWriteOutcome, to connection: Connection, messages: Int32) {
        switch outcome {
        case .wrote(let count): connection.delegate?.write(self.chunks, messages: Int(messages), skipping: count)
        case .failed: connection.delegate?.writeFailed()
        }
    }

    /// Runs `work` when no flush is going on: at once, or after the present one, by the end of the tick.
    ///
    /// What a delegate learns in the middle of a flush (a dead socket, say) may change topics only afterwards.
    public func afterFlush(_ work: @escaping () -> Void) {
        if self.isFlushing {
            self.deferred.append(work)
            self.scheduleFlush()
        } else {
            work()
        }
    }

    func scheduleFlush() {
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        self.eventLoop.execute(self.scheduledFlush)
    }

    /// The end of a tick.
    func flush() {
        // While a flush is scheduled, or this would schedule another.
        self.tellSnapshots()
        self.writeHistories()
        self.isFlushScheduled = false
        self.turnBytes = 0
        // Other shards first: what a client has been told here must not be news to them. Again at the end, as a flush may
        // find connections broken, whose leaves then have to go.
        self.postOutboxes()
        self.flushNotes()
        self.postOutboxes()
    }

    private func postOutboxes() {
        for target in self.outboxes.indices where !self.outboxes[target].isEmpty {
            let batch = self.outboxes[target]
            let bytes = self.outboxBytes[target]
            self.outboxes[target] = []
            self.outboxBytes[target] = 0
            self.peers[target].post(batch, bytes: bytes)
        }
    }

    // MARK: Crossing

    /// What a connection of this node is for all nodes.
    func client(_ connection: ConnectionID) -> ClientID {
        ClientID(incarnation: self.configuration.incarnation, connection: connection)
    }

    /// Which shard orders a topic.
    public func home(of key: TopicKey) -> Int {
        self.configuration.shards == 1 ? 0 : Int(key.stableHash % UInt64(self.configuration.shards))
    }

    /// Handles a message here and now if this shard is meant, else puts it into the tick's batch.
    func send(_ message: ShardMessage, to target: Int) {
        if target == self.index {
            self.receive(message)
        } else {
            self.outboxBytes[target] += message.byteCount
            self.outboxes[target].append(message.detached())
            self.scheduleFlush()
        }
    }

    /// Hears what other shards have said: called by drivers before they look at what a client sent, so that nothing that the
    /// client may already know of is news here.
    public func receiveMail() {
        for message in self.mailbox.take() { self.receive(message) }
    }

    func receive(_ message: ShardMessage) {
        switch message {
        case .join(let key, let join, let format):
            self.homeJoin(key, join, format)
        case .leave(let key, let connection):
            self.homeLeave(key, connection)
        case .publish(let key, let publish):
            self.homePublish(key, publish)
        case .joinCompleted(let id, let key, let outcome, let welcome):
            self.completeJoin(id, key, outcome, welcome: welcome)
        case .publishCompleted(let id, let key):
            self[id]?.delegate?.publishCompleted(key)
        case .deliver(let key, let format, let wire, let excluding):
            self.prepareArena()
            let range = self.arena.appendPublication { $0.writeImmutableBuffer(wire) }
            self.deliver(range, to: key, format: format, excluding: excluding)
        case .listen(let key, let listener):
            self.homeListen(key, listener)
        case .stopListening(let key, let listener):
            self.homeStopListening(key, listener)
        case .listening(let key, let part, let position):
            self.withPart(part) { $0.listens(to: key, from: position, on: self) }
        case .heard(let key, let part, let epoch, let publication):
            self.withPart(part) { $0.heard(publication, in: key, epoch: epoch, on: self) }
        case .install(let id, let part):
            self.install(part, as: id)
        case .command(let part, let command):
            self.withPart(part) { $0.receive(command, on: self) }
        case .historyLoaded(let key, let result):
            self.historyLoaded(key, result)
        case .historyWritten(let result):
            self.historyWritten(result)
        case .expel(let id, let key, let reason):
            guard let connection = self[id] else { return }
            if let key, let slot = connection.subscription(to: key) { self.unsubscribe(connection, slot: slot) }
            connection.delegate?.expelled(reason)
        }
    }

    private func completeJoin(_ id: ConnectionID, _ key: TopicKey, _ outcome: JoinOutcome, welcome: ByteBuffer?) {
        guard let connection = self[id], !connection.isDetached else {
            // Gone in the meantime, when there was no subscription yet to leave.
            if outcome == .joined { self.send(.leave(key, id), to: self.home(of: key)) }
            return
        }
        // Left in the meantime, which the home has heard after the join.
        guard connection.finishedJoin(of: key) else { return }
        connection.delegate?.joinWillComplete()
        if outcome == .joined {
            let topic = self.localTopics[key] ?? LocalTopic(key: key, home: self.home(of: key))
            self.localTopics[key] = topic
            // Who comes now has no part in what was said before.
            self.notePending()
            topic.add(connection)
            self.metrics.subscriptions += 1
            if let welcome { self.send(to: connection) { $0.writeImmutableBuffer(welcome) } }
        }
        connection.delegate?.joinCompleted(key, outcome)
    }

    func unsubscribe(_ connection: Connection, slot: Int) {
        // Who goes now still has what was said before.
        self.notePending()
        let topic = connection.subscriptions[slot].topic
        topic.remove(connection, slot: slot)
        self.metrics.subscriptions -= 1
        if topic.isEmpty { self.localTopics[topic.key] = nil }
    }

    // MARK: Timers

    /// Deadlines nearer than this are kept to within 4 ms, others to within a tenth of a second.
    static let fineHorizon = TimeAmount.seconds(2)

    /// Has ``ConnectionDelegate/wake(now:)`` called at `deadline`, or a little later; the earliest request counts.
    public func wake(_ connection: Connection, at deadline: NIODeadline) {
        guard deadline < connection.nextWake else { return }
        connection.nextWake = deadline
        connection.pendingWakes += 1
        let now = self.eventLoop.now
        if deadline - now < Self.fineHorizon {
            self.fineWheel.schedule(connection.id, at: deadline, now: now)
            self.startFineWheel()
        } else {
            self.wheel.schedule(connection.id, at: deadline, now: now)
            self.startWheel()
        }
    }

    private func startFineWheel() {
        guard self.fineWheelTimer == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.fineWheelTimer = self.eventLoop.scheduleTask(in: self.fineWheel.resolution) {
            bound.value.turnFineWheel()
        }
    }

    private func turnFineWheel() {
        self.fineWheelTimer = nil
        let now = self.eventLoop.now
        for id in self.fineWheel.advance(to: now) { self.wake(id, now: now) }
        if !self.fineWheel.isEmpty { self.startFineWheel() }
    }

    func startWheel() {
        guard self.wheelTimer == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.wheelTimer = self.eventLoop.scheduleTask(in: self.wheel.resolution) { bound.value.turnWheel() }
    }

    private func turnWheel() {
        self.wheelTimer = nil
        let now = self.eventLoop.now
        for id in self.wheel.advance(to: now) { self.wake(id, now: now) }
        self.forgetIdleTopics(now: now)
        if !self.wheel.isEmpty || !self.idleTopics.isEmpty { self.startWheel() }
    }

    private func wake(_ id: ConnectionID, now: NIODeadline) {
        guard let connection = self[id] else { return }
        connection.pendingWakes -= 1
        guard connection.nextWake <= now else {
            // Beyond the wheel's horizon when it was scheduled: goes on waiting. Or superseded by an earlier wake that has
            // come already: dropped, as a wheel holds the next wake as well.
            if connection.nextWake != .distantFuture, connection.pendingWakes == 0 {
                connection.pendingWakes = 1
                self.wheel.schedule(id, at: connection.nextWake, now: now)
                self.startWheel()
            }
            return
        }
        connection.nextWake = .distantFuture
        connection.delegate?.wake(now: now)
    }
}

@available(*, unavailable)
extension Shard: Sendable {}

extension ShardMessage {
    /// Bytes of messages that it carries.
    fileprivate var byteCount: Int {
        switch self {
        case .publish(_, let publish): publish.payload.byteCount
        case .deliver(_, _, let wire, _): wire.readableBytes
        case .heard(_, _, _, let publication): publication.payload.byteCount
        case .command(_, let command): command.byteCount
        case .join, .leave, .joinCompleted, .publishCompleted, .expel, .historyLoaded, .historyWritten, .listen,
            .stopListening, .listening, .install:
            0
        }
    }

    /// A copy that may outlive this turn of the loop: payloads own their bytes.
    fileprivate func detached() -> ShardMessage {
        guard case .publish(let key, let publish) = self else { return self }
        return .publish(key, publish.detached())
    }
}
