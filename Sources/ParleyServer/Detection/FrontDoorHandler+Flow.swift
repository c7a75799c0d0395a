internal import NIOCore
internal import NIOHTTP1
internal import ParleyHub
internal import ParleyModel

/// What is dealt with when: one request after another, in a loop, as fast as the client takes the answers, and no more of them
/// in a turn than are a connection's share.
extension FrontDoorHandler {
    /// Requests that a connection has answered in one turn of its loop, however many it has sent.
    static let maximumRequestsInTurn = 16

    /// Takes what has come, now or when it is its turn.
    func take(_ item: RequestQueue.Item) {
        self.tellOfEnd(item)
        guard self.queue.isEmpty, !self.isPumping, !self.mustWait else {
            self.queue.append(item)
            self.accountForMemory()
            self.pump()
            return
        }
        self.isPumping = true
        self.receive(item)
        self.isPumping = false
        self.pump()
    }

    /// Goes on with what has come, and with reading when that is used up.
    ///
    /// Answers that are made at once end up here again, from within: as many as a client may send, they must not become as many
    /// frames of the stack.
    func pump() {
        guard !self.isPumping else { return }
        self.isPumping = true
        defer { self.isPumping = false }
        while true {
            let hadItems = !self.queue.isEmpty
            while !self.mustWait, let item = self.queue.popFirst() { self.receive(item) }
            if hadItems { self.accountForMemory() }
            // Also when nothing is left: what comes next is not read before the share is a new one.
            if self.isShareUsedUp, !self.queue.isEmpty || self.isReadHeld { self.waitForTurn() }
            guard self.isReadHeld, !self.mayNotRead, let context = self.context else { return }
            self.isReadHeld = false
            context.read()
            if self.queue.isEmpty { return }
        }
    }

    private func waitForTurn() {
        guard !self.isWaitingForTurn, let context = self.context else { return }
        self.isWaitingForTurn = true
        self.services.hub.shard(on: context.eventLoop).waitForTurn(self, isGreedy: true)
    }

    private var isShareUsedUp: Bool { self.requestsInTurn >= Self.maximumRequestsInTurn }

    /// Whether what comes next has to wait.
    private var mustWait: Bool {
        if self.isAnswering { return true }
        guard case .awaitingHead = self.phase else { return false }
        return self.isShareUsedUp || !self.isWritable
    }

    var mayNotRead: Bool {
        switch self.phase {
        case .closing: return false
        case .proxying where self.isProxyPaused: return true
        // The parser would keep whatever comes behind a handshake.
        case .upgrading(let upgrade) where upgrade.isRequestComplete: return true
        default: return !self.queue.isEmpty || !self.isAnswering && self.mustWait
        }
    }

    /// Whether a complete request waits for its answer, or the answer is on its way.
    var isAnswering: Bool {
        switch self.phase {
        case .responding: return true
        case .exchanging(let exchange): return exchange.isRequestComplete
        case .proxying(_, let isRequestComplete): return isRequestComplete || self.isProxyPaused
        case .awaitingHead, .upgrading, .collecting, .closing: return false
        }
    }

    /// Some answers are for somebody who stays: a held poll, a stream of events. To them the client's end is an end at once.
    private func tellOfEnd(_ item: RequestQueue.Item) {
        guard case .inputClosed = item else { return }
        if case .exchanging(let exchange) = self.phase { exchange.exchange.inputClosed() }
        if case .responding = self.phase, self.isStreamingEvents { self.context?.close(promise: nil) }
    }

    // MARK: Bodies

    func beginBody() {
        guard let now = self.context?.eventLoop.now else { return }
        self.progress = ProgressWatch(timeout: self.services.bodyTimeout, now: now)
        self.receivedBodyBytes = 0
        self.startTimeout(self.services.bodyTimeout)
    }

    func bodyAdvanced(by bytes: Int) {
        guard let context = self.context else { return }
        if self.progress == nil { self.beginBody() }
        self.receivedBodyBytes += bytes
        self.progress?.advanced(to: self.receivedBodyBytes, now: context.eventLoop.now)
        if let progress = self.progress { self.deadline = progress.deadline }
    }

    /// The whole request is here.
    func requestEnded() {
        self.deadline = nil
        self.progress = nil
        if self.isParserStopped { self.renewWhenRead() }
    }

    // MARK: Memory

    /// Bytes that the client has not taken.
    var pendingBytes: Int {
        (try? self.context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Tells the process how much waits here: requests, a body, answers.
    func accountForMemory() {
        guard let context = self.context else { return }
        var bytes = self.queue.byteCount + self.pendingBytes
        if case .collecting(_, let body) = self.phase { bytes += body.capacity }
        guard bytes > 0 else {
            self.holding = nil
            return
        }
        let holding: MemoryLedger.Holding
        if let known = self.holding {
            holding = known
        } else {
            let channel = context.channel
            holding = self.services.ledger.open(.http) { channel.close(promise: nil) }
            self.holding = holding
        }
        holding.update(bytes: bytes)
    }

    /// A client that takes nothing for a while of what it has asked for will not take it at all.
    func watchStall() {
        guard let context = self.context, self.stall == nil else { return }
        let pending = self.pendingBytes
        guard pending > 0 else { return }
        let timer = context.eventLoop.assumeIsolated().scheduleTask(in: self.services.bodyTimeout) {
            guard let stall = self.stall, let context = self.context else { return }
            self.stall = nil
            self.accountForMemory()
            let left = self.pendingBytes
            if left > 0, left >= stall.pending, !self.isWritable || self.isClosing {
                context.close(promise: nil)
            } else {
                self.watchStall()
            }
        }
        self.stall = (pending, timer)
    }

    private var isClosing: Bool {
        if case .closing = self.phase { return true }
        return false
    }
}

extension FrontDoorHandler: TurnTaker {
    func takeTurn() -> Bool {
        self.isWaitingForTurn = false
        self.requestsInTurn = 0
        self.pump()
        // The pump has seen to its next turn.
        return false
    }
}
