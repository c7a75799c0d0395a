internal import NIOCore
internal import NIOHTTP1
internal import ParleyHub
internal import ParleyModel

/// What happens on a connection while HTTP is spoken there: who answers a request, what has to wait, and how all of it ends.
///
/// Whatever happens is told to it when it happens, also from within what is being done about something else; ``next(at:)`` says
/// what to do about it, one thing after another. So requests are dealt with in a loop, however many come at once, and nothing
/// that a client sends becomes a frame of the stack.
struct FrontDoorMachine {
    /// Requests that a connection has answered in one turn of its loop, however many it has sent.
    static let maximumRequestsInTurn = 16
    /// What a client gets to take our last words, and to close its own side.
    static let lingerTime = TimeAmount.seconds(2)

    private enum Phase {
        case awaitingHead
        case routing
        /// A handshake whose request is not complete, or whose admission is not decided.
        case upgrading(isComplete: Bool, isAdmitted: Bool)
        case collecting(body: ByteBuffer, maximumBytes: Int)
        /// - Parameter answer: Came before the request was complete.
        case exchanging(isComplete: Bool, answer: ExchangeAnswer?)
        /// Without deadlines: both directions stream.
        /// - Parameter isUpgrade: Whether what follows the request is for another protocol.
        case proxying(isUpgrade: Bool, isComplete: Bool)
        case responding(Response)
        /// An answer is out and the end follows; input is thrown away.
        case closing
        /// Another protocol is spoken, or there is no connection.
        case over
    }

    private let patience: Patience
    private var phase = Phase.awaitingHead
    private var actions = CircularBuffer<Action>(initialCapacity: 4)
    /// What came while a request was being answered, or beyond the connection's share of a loop turn.
    private var queue = RequestQueue()
    /// When patience ends.
    private(set) var deadline: NIODeadline?

    private var renewal = ParserRenewal()

    // Of the present request, until its answer is on its way.
    /// What is refused, should it be.
    private var head: HTTPRequestHead?
    private var isHead = false
    private var progress: ProgressWatch?
    private var receivedBodyBytes = 0
    /// Whether part of its answer is on its way, so that nothing else may be said.
    private var hasResponse = false
    /// Whether the answer is a stream of events, which has no end of its own.
    private var isStreamingEvents = false
    /// Whether a backend takes no more for the time being.
    private var isProxyPaused = false

    private var isWritable = true
    private(set) var isReadHeld = false
    private var requestsInTurn = 0
    private var isWaitingForTurn = false

    init(patience: Patience, now: NIODeadline) {
        self.patience = patience
        self.deadline = now + patience.head
    }

    // MARK: What to do

    mutating func next(at moment: Moment) -> Action? {
        while true {
            if let action = self.actions.popFirst() { return action }
            if !self.mustWait, let item = self.queue.popFirst() {
                self.handle(item, moment)
                continue
            }
            // Also when nothing is left: what comes next is not read before the share is a new one.
            if self.isShareUsedUp, !self.isWaitingForTurn, !self.queue.isEmpty || self.isReadHeld {
                self.isWaitingForTurn = true
                return .waitForTurn
            }
            guard self.isReadHeld, !self.mayNotRead else { return nil }
            self.isReadHeld = false
            return .read
        }
    }

    /// The answer that is on its way.
    var response: Response? {
        if case .responding(let response) = self.phase { return response }
        return nil
    }

    /// About what waits here, in bytes of memory: requests and a body.
    var waitingBytes: Int {
        guard case .collecting(let body, _) = self.phase else { return self.queue.byteCount }
        return self.queue.byteCount + body.capacity
    }

    /// Whether nothing follows the present request.
    var isInputClosed: Bool { self.queue.isOnlyTheEnd }

    /// Whether nothing more is said on this connection than is written already.
    var isClosing: Bool {
        if case .closing = self.phase { return true }
        return false
    }

    // MARK: Who may go on

    private var isShareUsedUp: Bool { self.requestsInTurn >= Self.maximumRequestsInTurn }

    /// Whether what comes next has to wait: for an answer, for the client to take it, or for a turn.
    private var mustWait: Bool {
        switch self.phase {
        case .awaitingHead: self.isShareUsedUp || !self.isWritable
        case .routing, .responding: true
        case .exchanging(let isComplete, _): isComplete
        case .proxying(_, let isComplete): isComplete || self.isProxyPaused
        case .upgrading, .collecting, .closing, .over: false
        }
    }

    /// No more is read while something waits behind the request that is being answered, or the client does not take what it
    /// has asked for, so that nobody can pile up work or answers here. Until then reading goes on: to stop and to begin again
    /// would cost two system calls for each request.
    private var mayNotRead: Bool {
        switch self.phase {
        case .closing, .over: false
        // The parser would keep whatever comes behind a handshake, as much as there is of it.
        case .upgrading(isComplete: true, _), .proxying(isUpgrade: true, isComplete: true): true
        case .proxying where self.isProxyPaused: true
        case .awaitingHead: !self.queue.isEmpty || self.mustWait
        case .routing, .upgrading, .collecting, .exchanging, .proxying, .responding: !self.queue.isEmpty
        }
    }

    /// - Returns: Whether to read now; later, ``Action/read`` says so.
    mutating func readRequested() -> Bool {
        self.isReadHeld = self.mayNotRead
        return !self.isReadHeld
    }

    mutating func writabilityChanged(to isWritable: Bool) { self.isWritable = isWritable }

    /// All that one read has brought is here.
    mutating func readCompleted() {
        if self.renewal.readEnded() { self.actions.append(.renewDecoder) }
        if !self.isWaitingForTurn { self.requestsInTurn = 0 }
    }

    /// The new parser has what the former has kept.
    mutating func decoderRenewed() {
        if self.renewal.readEnded() { self.actions.append(.renewDecoder) }
    }

    mutating func turnCame() {
        self.isWaitingForTurn = false
        self.requestsInTurn = 0
    }

    // MARK: Requests

    /// Takes what has come, now or when it is its turn.
    mutating func received(_ item: RequestQueue.Item, at moment: Moment) {
        switch item {
        case .part: self.renewal.partCame()
        case .inputClosed: self.tellOfEnd()
        case .failed: break
        }
        if self.queue.isEmpty, !self.mustWait {
            self.handle(item, moment)
        } else {
            self.queue.append(item)
        }
    }

    /// Some answers are for somebody who stays: a held poll, a stream of events. To them the client's end is an end at once.
    private mutating func tellOfEnd() {
        if case .exchanging = self.phase { self.actions.append(.forwardInputClosed) }
        if case .responding = self.phase, self.isStreamingEvents { self.close() }
    }

    private mutating func handle(_ item: RequestQueue.Item, _ moment: Moment) {
        switch item {
        case .part(.head(let head)): self.handle(head)
        case .part(.body(let piece)): self.handle(piece, moment)
        case .part(.end): self.requestEnded(moment)
        case .failed(let refusal): self.failed(refusal)
        case .inputClosed: self.inputClosed()
        }
    }

    private mutating func handle(_ head: HTTPRequestHead) {
        guard case .awaitingHead = self.phase else { return }
        self.requestsInTurn += 1
        self.isHead = head.method == .HEAD
        self.head = head
        self.renewal.requestBegan(head)
        var head = head
        if let refusal = RequestRules.apply(to: &head) { return self.failed(refusal) }
        self.head = head
        self.phase = .routing
        self.actions.append(.route(head))
    }

    /// Who answers the request whose head was routed.
    mutating func routed(to destination: Destination, at moment: Moment) {
        guard case .routing = self.phase, let head = self.head else { return }
        switch destination {
        case .refusal(let refusal):
            self.failed(refusal)
        case .upgrade:
            self.phase = .upgrading(isComplete: false, isAdmitted: false)
            self.actions.append(.askForAdmission)
        case .exchange:
            self.phase = .exchanging(isComplete: false, answer: nil)
            self.beginBody(moment.now)
            self.continueIfExpected(head)
            self.actions.append(.openExchange)
        case .proxy(let isUpgrade):
            self.phase = .proxying(isUpgrade: isUpgrade, isComplete: false)
            self.isProxyPaused = false
            self.deadline = nil
            self.actions.append(.openProxy)
        case .api(let maximumBodyBytes):
            self.collect(head, maximumBodyBytes, moment)
        }
    }

    /// A body that is larger than its route takes, or for no route, is refused before any of it is kept.
    private mutating func collect(_ head: HTTPRequestHead, _ maximum: Int?, _ moment: Moment) {
        let declared = head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
        let hasBody = declared > 0 || head.headers.contains(name: "Transfer-Encoding")
        if hasBody {
            guard let maximum else { return self.respond(ByteBuffer(), isBodyUnread: true, moment) }
            guard declared <= maximum, maximum > 0 else { return self.refuseBody(moment) }
            self.beginBody(moment.now)
            self.continueIfExpected(head)
        }
        self.phase = .collecting(body: ByteBuffer(), maximumBytes: maximum ?? 0)
    }

    private mutating func handle(_ piece: ByteBuffer, _ moment: Moment) {
        switch self.phase {
        case .collecting(var body, let maximum):
            // The buffer must be nobody else's when it grows.
            self.phase = .routing
            guard body.readableBytes + piece.readableBytes <= maximum else { return self.refuseBody(moment) }
            body.writeImmutableBuffer(piece)
            self.phase = .collecting(body: body, maximumBytes: maximum)
            self.bodyAdvanced(by: piece.readableBytes, moment.now)
        case .exchanging:
            self.bodyAdvanced(by: piece.readableBytes, moment.now)
            self.actions.append(.forward(piece))
        case .proxying:
            self.actions.append(.forward(piece))
        case .awaitingHead, .routing, .upgrading, .responding, .closing, .over:
            break
        }
    }

    private mutating func requestEnded(_ moment: Moment) {
        switch self.phase {
        case .collecting(let body, _):
            self.bodyEnded()
            self.respond(body, moment)
        case .exchanging(_, let answer):
            self.bodyEnded()
            self.phase = .exchanging(isComplete: true, answer: answer)
            self.actions.append(.forwardEnd)
            if let answer { self.send(answer, moment) }
        case .proxying(let isUpgrade, _):
            self.phase = .proxying(isUpgrade: isUpgrade, isComplete: true)
            if !isUpgrade { self.bodyEnded() }
            self.actions.append(.forwardEnd)
        case .upgrading(_, let isAdmitted):
            self.phase = .upgrading(isComplete: true, isAdmitted: isAdmitted)
            self.upgradeIfReady(moment)
        case .awaitingHead, .routing, .responding, .closing, .over:
            break
        }
    }

    private mutating func continueIfExpected(_ head: HTTPRequestHead) {
        // Clients of HTTP/1.0 know no interim responses (RFC 9110 §15.2).
        guard head.version == .http1_1, head.headers.contains(name: "Expect") else { return }
        self.actions.append(.sendContinue(head.version))
    }

    // MARK: Bodies

    private mutating func beginBody(_ now: NIODeadline) {
        let progress = ProgressWatch(timeout: self.patience.body, now: now)
        self.progress = progress
        self.receivedBodyBytes = 0
        self.deadline = progress.deadline
    }

    private mutating func bodyAdvanced(by bytes: Int, _ now: NIODeadline) {
        if self.progress == nil { self.beginBody(now) }
        self.receivedBodyBytes += bytes
        self.progress?.advanced(to: self.receivedBodyBytes, now: now)
        if let progress = self.progress { self.deadline = progress.deadline }
    }

    private mutating func bodyEnded() {
        self.deadline = nil
        self.progress = nil
        if self.renewal.requestEnded() { self.actions.append(.renewDecoder) }
    }

    // MARK: Handshakes

    /// The endpoint has said yes.
    mutating func admitted(at moment: Moment) {
        guard case .upgrading(let isComplete, isAdmitted: false) = self.phase else { return }
        self.phase = .upgrading(isComplete: isComplete, isAdmitted: true)
        self.upgradeIfReady(moment)
    }

    /// Once the whole request is in and somebody has said yes.
    private mutating func upgradeIfReady(_ moment: Moment) {
        guard case .upgrading(isComplete: true, isAdmitted: true) = self.phase else { return }
        // Asked again: the goodbye may have been said while somebody thought about the admission.
        if moment.isDraining { self.failed(.shuttingDown) } else { self.actions.append(.upgrade) }
    }

    /// HTTP is over: another protocol is spoken, or nobody is there.
    mutating func left() {
        self.phase = .over
        self.deadline = nil
        self.actions.removeAll()
        self.queue.removeAll()
    }

    // MARK: Answers

    /// An exchange has its answer.
    mutating func answered(_ answer: ExchangeAnswer, at moment: Moment) {
        guard case .exchanging(let isComplete, _) = self.phase else { return }
        if isComplete || answer.closes {
            self.send(answer, moment)
        } else {
            self.phase = .exchanging(isComplete: false, answer: answer)
        }
    }

    private mutating func send(_ answer: ExchangeAnswer, _ moment: Moment) {
        guard let head = self.head else { return }
        self.beginResponse(keepsAlive: head.isKeepAlive && !answer.closes && !moment.isDraining)
        self.actions.append(.answer(answer, version: head.version))
    }

    private mutating func refuseBody(_ moment: Moment) {
        self.respond(ByteBuffer(), refusal: .bodyTooLarge, isBodyUnread: true, moment)
    }

    /// - Parameter isBodyUnread: Whether the rest of the request is not worth reading.
    private mutating func respond(
        _ body: ByteBuffer,
        refusal: Refusal? = nil,
        isBodyUnread: Bool = false,
        _ moment: Moment
    ) {
        guard let head = self.head else { return }
        self.beginResponse(keepsAlive: head.isKeepAlive && !isBodyUnread && !moment.isDraining)
        self.actions.append(.respond(head, body: body, refusal: refusal))
    }

    private mutating func beginResponse(keepsAlive: Bool) {
        self.phase = .responding(Response(keepsAlive: keepsAlive, isHead: self.isHead))
        self.deadline = nil
        self.progress = nil
        self.isStreamingEvents = false
    }

    /// The head of an answer is on its way.
    mutating func responseBegan(isStreamingEvents: Bool = false) {
        self.hasResponse = true
        self.isStreamingEvents = isStreamingEvents
    }

    /// All of an answer is on its way.
    mutating func responseEnded(at moment: Moment) {
        guard case .responding(let response) = self.phase else { return }
        self.goOn(keepsAlive: response.keepsAlive, moment)
    }

    /// All of a backend's answer is on its way.
    mutating func proxyEnded(keepsAlive: Bool, at moment: Moment) {
        guard case .proxying = self.phase else { return }
        self.goOn(keepsAlive: keepsAlive && !moment.isDraining, moment)
    }

    /// A backend takes no more, or goes on taking.
    mutating func proxyPaused(_ isPaused: Bool) { self.isProxyPaused = isPaused }

    private mutating func goOn(keepsAlive: Bool, _ moment: Moment) {
        guard keepsAlive, !self.queue.isOnlyTheEnd else { return self.finish() }
        self.phase = .awaitingHead
        // What comes now may be no request at all, and is refused with all its words, and as nobody's.
        self.head = nil
        self.isHead = false
        self.hasResponse = false
        self.deadline = moment.now + self.patience.head
        self.actions.append(.expectHead)
    }

    // MARK: The end

    /// The request is none, or is not to be served: it is the last.
    mutating func failed(_ refusal: Refusal) {
        switch self.phase {
        case .closing, .over: return
        // A second answer would be taken for part of the first.
        case _ where self.hasResponse: return self.close()
        case .exchanging, .proxying: self.actions.append(.abandon)
        case .awaitingHead, .routing, .upgrading, .collecting, .responding: break
        }
        self.actions.append(.refuse(refusal, isHead: self.isHead, head: self.head))
        self.beginClosing()
    }

    /// The client sends nothing more: whoever waits for an answer gets it, and that is the end.
    private mutating func inputClosed() {
        switch self.phase {
        case .awaitingHead: self.finish()
        // Another protocol has no use for one direction, and a request that is not complete never will be.
        case .upgrading, .collecting: self.close()
        case .routing, .exchanging, .proxying, .responding, .closing, .over: break
        }
    }

    private mutating func finish() {
        self.actions.append(.finish)
        self.beginClosing()
    }

    private mutating func beginClosing() {
        self.phase = .closing
        self.head = nil
        self.deadline = nil
        self.queue.removeAll()
    }

    /// Our last words are with the client, or never will be. Closes our side, and the whole when the client has closed its own or
    /// does not do so in time: a connection closed with unread input would be reset, and the answer lost with it.
    mutating func lastWritten(at moment: Moment) {
        guard case .closing = self.phase else { return }
        self.deadline = moment.now + Self.lingerTime
        self.actions.append(.closeOutput)
    }

    private mutating func close() {
        self.left()
        self.isReadHeld = false
        self.actions.append(.close)
    }

    /// - Parameters:
    ///   - hasPartialHead: Whether part of a request has come, so that somebody waits for an answer.
    ///   - hasPendingOutput: Whether the client has not taken all of its answers.
    mutating func deadlineReached(at moment: Moment, hasPartialHead: Bool, hasPendingOutput: Bool) {
        guard let deadline = self.deadline, deadline <= moment.now else { return }
        self.deadline = nil
        switch self.phase {
        case .closing:
            self.close()
        case .awaitingHead where !self.queue.isEmpty || hasPendingOutput:
            // It is our turn, or the client's to read: ``OutputWatch`` sees to that.
            self.deadline = moment.now + self.patience.head
        case .awaitingHead where !hasPartialHead:
            self.close()
        // An answer may take its time; a request may not.
        case .awaitingHead, .collecting, .upgrading, .exchanging(isComplete: false, _):
            self.failed(.requestTimeout)
        case .routing, .exchanging, .proxying, .responding, .over:
            break
        }
    }
}
