internal import NIOCore
internal import NIOHTTP1
internal import ParleyBackends

/// What becomes of one request on its way to a backend, and of the response on its way back: takes what happens on either
/// side, says what is to be done. Each side is read from as fast as the other takes what it is given.
///
/// Whatever comes when it is not expected any more, or not yet, changes nothing.
struct ProxyExchangeMachine: Sendable {
    /// Where a request goes.
    struct Destination: Sendable, Equatable {
        var backend: BackendID
        /// Whether a WebSocket to it may outlive it.
        var mayResume = false
    }

    private enum Phase {
        /// Where it goes is not known.
        case new
        /// To be answered at the end of the request.
        case refused(ProxyRefusal)
        case waiting(Awaited, Destination)
        case forwarding(Forwarding)
        case over
    }

    private enum Awaited { case backend, idle, connection }

    private struct Forwarding {
        let destination: Destination
        /// Whether the connection has been used for another request before.
        let isReused: Bool
        var response = Response.awaited
        var isPaused = false
    }

    private enum Response {
        case awaited
        /// The backend agrees to another protocol; the end of this head comes next.
        case switching(HTTPResponseHead)
        case begun(Framing, keepsBackend: Bool)
    }

    /// How the client knows the end of the answer's body (RFC 9112 §6.3).
    private enum Framing { case noBody, plain, chunked }

    /// How long a request is held for a backend that does not come up.
    static let holdTime = TimeAmount.minutes(30)

    private let method: HTTPMethod
    private let version: HTTPVersion
    private let hasBody: Bool
    /// Whether the client wants another protocol. If the backend does not, the connection ends with its answer.
    let isUpgrade: Bool
    private var phase = Phase.new
    private var isRequestComplete = false
    private var keepsClient: Bool
    private var isClientPaused = false
    private var isTokenWatched = false
    /// Whether part of the answer is on its way, so that nothing else may be said.
    private(set) var hasResponse = false
    /// Of the body, what came before there was anybody to take it.
    private var held: CircularBuffer<ByteBuffer> = []
    private var heldBytes = 0

    init(_ head: HTTPRequestHead) {
        self.method = head.method
        self.version = head.version
        self.hasBody = Self.hasBody(head.headers)
        self.isUpgrade = ProxyHeaders.isUpgrade(head.headers)
        // What follows a request to upgrade cannot be told from the other protocol.
        self.keepsClient = head.isKeepAlive && !self.isUpgrade
    }

    static func hasBody(_ headers: HTTPHeaders) -> Bool {
        headers.contains(name: "Transfer-Encoding") || headers["Content-Length"].contains { $0 != "0" }
    }

    /// Whether asking twice does no more than asking once (RFC 9110 §9.2.2), and nothing of a body would be missing.
    private var mayAskAgain: Bool { [.GET, .HEAD, .OPTIONS].contains(self.method) && !self.hasBody }

    // MARK: Where it goes

    /// No backend is asked.
    mutating func refused(_ refusal: ProxyRefusal) -> [Action] {
        switch self.phase {
        case .new where self.hasBody: return self.refuse(refusal)
        case .new:
            // The end of a request without a body is here in an instant, and the connection is good for the next.
            self.phase = .refused(refusal)
            return []
        case .refused, .waiting, .forwarding, .over: return []
        }
    }

    /// The session is open, until ``Action/release``.
    /// - Parameter isReady: Whether the backend is known to take connections.
    mutating func opened(_ destination: Destination, isReady: Bool, now: NIODeadline) -> [Action] {
        switch self.phase {
        case .new where isReady: return self.seek(destination)
        case .new:
            self.phase = .waiting(.backend, destination)
            self.isTokenWatched = true
            return [.watchToken] + self.pauseClient() + [.awaitBackend(until: now + Self.holdTime)]
        case .refused, .waiting, .forwarding, .over: return []
        }
    }

    mutating func settled(isReady: Bool) -> [Action] {
        switch self.phase {
        case .waiting(.backend, let destination): return isReady ? self.seek(destination) : self.refuse(.gone)
        case .new, .refused, .waiting, .forwarding, .over: return []
        }
    }

    mutating func waitedInVain() -> [Action] {
        switch self.phase {
        case .waiting(.backend, _): return self.refuse(.neverReady)
        case .new, .refused, .waiting, .forwarding, .over: return []
        }
    }

    /// The token was taken back, or the backend has been gone for a while.
    mutating func cutOff() -> [Action] {
        switch self.phase {
        case .waiting: return self.refuse(.gone)
        case .forwarding: return self.hasResponse ? self.breakOff() : self.refuse(.gone)
        case .new, .refused, .over: return []
        }
    }

    /// Too much waits in the process, and what waits here is the most of it.
    mutating func evicted() -> [Action] {
        switch self.phase {
        case .waiting: return self.refuse(.backlog)
        // Somebody has taken it in the meantime.
        case .new, .refused, .forwarding, .over: return []
        }
    }

    // MARK: The client

    /// A piece of the request's body.
    mutating func received(_ piece: ByteBuffer) -> PieceAction {
        switch self.phase {
        case .waiting:
            self.held.append(piece)
            self.heldBytes += piece.readableBytes
            return .hold(bytes: self.heldBytes)
        case .forwarding: return .send(piece)
        case .new, .refused, .over: return .drop
        }
    }

    /// The request is complete.
    mutating func ended() -> [Action] {
        self.isRequestComplete = true
        switch self.phase {
        case .refused(let refusal): return self.refuse(refusal)
        case .forwarding: return self.hasBody ? [.sendEnd, .flushBackend] : []
        case .new, .waiting, .over: return []
        }
    }

    /// The client is gone.
    mutating func aborted() -> [Action] { self.end() }

    mutating func clientWritable(_ isWritable: Bool) -> Action? {
        switch self.phase {
        case .forwarding(var forwarding) where forwarding.isPaused == isWritable:
            forwarding.isPaused = !isWritable
            self.phase = .forwarding(forwarding)
            return .readBackend(isWritable)
        case .new, .refused, .waiting, .forwarding, .over: return nil
        }
    }

    // MARK: The connection to the backend

    mutating func foundIdle(_ isFound: Bool) -> [Action] {
        switch self.phase {
        case .waiting(.idle, let destination):
            return isFound ? self.forward(to: destination, isReused: true) : self.connect(to: destination)
        case .new, .refused, .waiting, .forwarding, .over: return isFound ? [.closeBackend] : []
        }
    }

    mutating func connected() -> [Action] {
        switch self.phase {
        case .waiting(.connection, let destination): return self.forward(to: destination, isReused: false)
        case .new, .refused, .waiting, .forwarding, .over: return [.closeBackend]
        }
    }

    mutating func connectFailed() -> [Action] {
        switch self.phase {
        case .waiting(.connection, _): return self.refuse(.noConnection)
        case .new, .refused, .waiting, .forwarding, .over: return []
        }
    }

    mutating func backendWritable(_ isWritable: Bool) -> Action? {
        switch self.phase {
        case .forwarding where self.isClientPaused == isWritable:
            self.isClientPaused = !isWritable
            return .readClient(isWritable)
        case .new, .refused, .waiting, .forwarding, .over: return nil
        }
    }

    mutating func backendClosed() -> [Action] {
        switch self.phase {
        case .forwarding where self.hasResponse: return self.breakOff()
        // It was about to be closed when it was asked.
        case .forwarding(let forwarding) where forwarding.isReused && self.mayAskAgain:
            return self.connect(to: forwarding.destination)
        case .forwarding: return self.refuse(.noAnswer)
        case .new, .refused, .waiting, .over: return []
        }
    }

    // MARK: The response

    /// - Parameter date: The time as answers name it, for one that does not.
    mutating func backendReceived(_ head: HTTPResponseHead, date: String) -> [Action] {
        switch self.phase {
        case .forwarding(var forwarding) where !self.hasResponse:
            switch head.status.code {
            case 101:
                forwarding.response = .switching(head)
                self.phase = .forwarding(forwarding)
                return []
            // Clients of HTTP/1.0 know no interim responses (RFC 9110 §15.2).
            case ..<200 where self.version == .http1_0: return []
            case ..<200:
                let headers = ProxyHeaders.response(head.headers, of: forwarding.destination.backend, isUpgrade: false)
                return [.respond(head.status, headers), .flushClient]
            default: return [self.answer(head, forwarding, date)]
            }
        case .new, .refused, .waiting, .forwarding, .over: return []
        }
    }

    func backendReceived(_ body: ByteBuffer) -> BodyAction {
        switch self.phase {
        case .forwarding(let forwarding) where body.readableBytes > 0:
            switch forwarding.response {
            case .begun(.chunked, _): return .chunk(body)
            case .begun(.plain, _): return .plain(body)
            case .awaited, .switching, .begun(.noBody, _): return .drop
            }
        case .new, .refused, .waiting, .forwarding, .over: return .drop
        }
    }

    /// All that has come for now has been told.
    mutating func backendPaused() -> PauseAction {
        switch self.phase {
        case .forwarding:
            // An answer that comes in one piece is over before the end of its token could matter.
            let isFirst = self.hasResponse && !self.isTokenWatched
            if isFirst { self.isTokenWatched = true }
            return .flushClient(watchingToken: isFirst)
        case .new, .refused, .waiting, .over: return .wait
        }
    }

    mutating func backendEnded(_ trailers: HTTPHeaders?) -> [Action] {
        switch self.phase {
        case .forwarding(let forwarding):
            switch forwarding.response {
            case .awaited: return []
            case .switching(let head): return self.change(head, forwarding.destination)
            case .begun(let framing, let keepsBackend):
                // A client that has not said everything, and has its answer, would be misunderstood next.
                let keepsClient = self.keepsClient && self.isRequestComplete
                let isGood = keepsBackend && self.isRequestComplete
                let end = framing == .chunked ? [Action.endChunks(ProxyHeaders.trailers(trailers ?? [:]))] : []
                return end + [.flushClient] + self.end(reusing: isGood) + [.finish(keepsAlive: keepsClient)]
            }
        case .new, .refused, .waiting, .over: return []
        }
    }
}

// MARK: Steps

extension ProxyExchangeMachine {
    private mutating func seek(_ destination: Destination) -> [Action] {
        // A connection that waited may be closed by the backend in this moment: only for what may be asked again.
        guard self.mayAskAgain, !self.isUpgrade else { return self.connect(to: destination) }
        self.phase = .waiting(.idle, destination)
        return [.findIdle]
    }

    private mutating func connect(to destination: Destination) -> [Action] {
        self.phase = .waiting(.connection, destination)
        return self.pauseClient() + [.connect]
    }

    private mutating func pauseClient() -> [Action] {
        guard !self.isClientPaused else { return [] }
        self.isClientPaused = true
        return [.readClient(false)]
    }

    private mutating func forward(to destination: Destination, isReused: Bool) -> [Action] {
        self.phase = .forwarding(Forwarding(destination: destination, isReused: isReused))
        var actions = [Action.sendHead(isResumable: self.isUpgrade && destination.mayResume)]
        while let piece = self.held.popFirst() { actions.append(.sendBody(piece)) }
        if self.isRequestComplete, self.hasBody { actions.append(.sendEnd) }
        return actions + self.holdNothing() + [.flushBackend]
    }

    private mutating func answer(_ head: HTTPResponseHead, _ forwarding: Forwarding, _ date: String) -> Action {
        self.hasResponse = true
        var headers = ProxyHeaders.response(head.headers, of: forwarding.destination.backend, isUpgrade: false)
        var forwarding = forwarding
        forwarding.response = .begun(self.frame(head, &headers), keepsBackend: head.isKeepAlive && !self.isUpgrade)
        self.phase = .forwarding(forwarding)
        if !headers.contains(name: "Date") { headers.add(name: "Date", value: date) }
        if let connection = self.connection { headers.add(name: "Connection", value: connection) }
        return .respond(head.status, headers)
    }

    private mutating func frame(_ head: HTTPResponseHead, _ headers: inout HTTPHeaders) -> Framing {
        // A length beside a coding is none (RFC 9112 §6.3).
        if head.headers.contains(name: "Transfer-Encoding") { headers.remove(name: "Content-Length") }
        guard self.method != .HEAD, head.status.code != 204, head.status.code != 304 else { return .noBody }
        guard !headers.contains(name: "Content-Length") else { return .plain }
        guard self.version == .http1_1 else {
            // The end of the connection is that of the body.
            self.keepsClient = false
            return .plain
        }
        headers.add(name: "Transfer-Encoding", value: "chunked")
        return .chunked
    }

    /// What is said of the connection. Without a word, HTTP/1.1 goes on and HTTP/1.0 does not (RFC 9112 §9.3).
    private var connection: String? {
        if !self.keepsClient { return "close" }
        return self.version == .http1_0 ? "keep-alive" : nil
    }

    private mutating func change(_ head: HTTPResponseHead, _ destination: Destination) -> [Action] {
        guard self.isUpgrade else { return self.refuse(.otherProtocol) }
        self.phase = .over
        let headers = ProxyHeaders.response(head.headers, of: destination.backend, isUpgrade: true)
        // What an extension does to a message depends on those before it.
        let isResumable = destination.mayResume && !head.headers.contains(name: "Sec-WebSocket-Extensions")
        let subprotocol = head.headers.first(name: "Sec-WebSocket-Protocol")
        return [
            .respond(head.status, headers), .flushClient,
            .tunnel(isResumable ? .resumable(subprotocol: subprotocol) : .spliced),
        ]
    }

    // MARK: The end

    private mutating func refuse(_ refusal: ProxyRefusal) -> [Action] {
        // The body of a request that nobody reads stands in the way of the next.
        self.keepsClient = self.keepsClient && self.isRequestComplete
        return self.end() + [
            .refuse(refusal, isHead: self.method == .HEAD, connection: self.connection), .flushClient,
            .finish(keepsAlive: self.keepsClient),
        ]
    }

    private mutating func breakOff() -> [Action] { [.abort] + self.end() }

    private mutating func end(reusing: Bool = false) -> [Action] {
        let former = self.phase
        self.phase = .over
        self.held = []
        let actions = self.holdNothing()
        switch former {
        case .new, .refused, .over: return actions
        case .waiting: return actions + [.release]
        case .forwarding: return actions + [.release, reusing ? .giveBack : .closeBackend]
        }
    }

    private mutating func holdNothing() -> [Action] {
        guard self.heldBytes > 0 else { return [] }
        self.heldBytes = 0
        return [.hold(bytes: 0)]
    }
}
