import NIOCore
import NIOHTTP1
import ParleyBackends
import Testing

@testable import ParleyBackendsHTTP
@testable import ParleyTransport

private typealias Machine = ProxyExchangeMachine
private typealias Action = ProxyExchangeMachine.Action

private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
private let place = Machine.Destination(backend: BackendID("b1")!)
private let resumable = Machine.Destination(backend: BackendID("b1")!, mayResume: true)
private let date = "Thu, 01 Jan 1970 00:00:00 GMT"

private let upgrade: HTTPHeaders = ["Connection": "Upgrade", "Upgrade": "websocket"]
private let length: HTTPHeaders = ["Content-Length": "3"]

private func request(
    _ method: HTTPMethod = .GET,
    _ headers: HTTPHeaders = [:],
    _ version: HTTPVersion = .http1_1
) -> HTTPRequestHead {
    HTTPRequestHead(version: version, method: method, uri: "/", headers: headers)
}

private func response(
    _ status: HTTPResponseStatus = .ok,
    _ headers: HTTPHeaders = ["Content-Length": "2"],
    _ version: HTTPVersion = .http1_1
) -> HTTPResponseHead {
    HTTPResponseHead(version: version, status: status, headers: headers)
}

private let piece = ByteBuffer(string: "abc")

extension ProxyExchangeMachine {
    /// One whose backend has been given the head of the request.
    fileprivate static func forwarding(
        _ request: HTTPRequestHead,
        to destination: Machine.Destination = place,
        isReused: Bool = false
    ) -> Machine {
        var machine = Machine(request)
        if machine.opened(destination, isReady: true, now: start) == [.findIdle] {
            _ = machine.foundIdle(isReused)
        }
        if !isReused { _ = machine.connected() }
        _ = machine.backendWritable(true)
        return machine
    }

    /// The head that goes to the client.
    fileprivate mutating func answers(_ head: HTTPResponseHead) -> (status: HTTPResponseStatus, headers: HTTPHeaders)? {
        guard case .respond(let status, let headers)? = self.backendReceived(head, date: date).first else { return nil }
        return (status, headers)
    }
}

private func refusal(
    _ refusal: ProxyRefusal,
    isHead: Bool = false,
    connection: String? = nil,
    keepsAlive: Bool = true
) -> [Action] {
    [.refuse(refusal, isHead: isHead, connection: connection), .flushClient, .finish(keepsAlive: keepsAlive)]
}

@Suite struct ProxyExchangeMachineTests {
    // MARK: The way there

    @Test("A request goes to a backend that is ready, on a connection that waits for it, and the connection is kept")
    func passes() {
        var machine = Machine(request())
        #expect(machine.opened(place, isReady: true, now: start) == [.findIdle])
        #expect(machine.foundIdle(true) == [.sendHead(isResumable: false), .flushBackend])
        #expect(machine.backendWritable(true) == nil)
        #expect(machine.ended() == [])
        #expect(machine.answers(response())?.status == .ok)
        #expect(machine.backendReceived(ByteBuffer(string: "hi")) == .plain(ByteBuffer(string: "hi")))
        #expect(machine.backendEnded(nil) == [.flushClient, .release, .giveBack, .finish(keepsAlive: true)])
        #expect(machine.backendPaused() == .wait)
        #expect(machine.aborted() == [])
    }

    @Test("While a connection is made, the client is not read from; what it has said goes behind the head")
    func connects() {
        var machine = Machine(request(.POST, length))
        #expect(machine.opened(place, isReady: true, now: start) == [.readClient(false), .connect])
        #expect(machine.received(piece) == .hold(bytes: 3))
        #expect(machine.received(piece) == .hold(bytes: 6))
        #expect(machine.ended() == [])
        #expect(
            machine.connected() == [
                .sendHead(isResumable: false), .sendBody(piece), .sendBody(piece), .sendEnd, .hold(bytes: 0),
                .flushBackend,
            ]
        )
        #expect(machine.backendWritable(true) == .readClient(true))
    }

    @Test("A client is read from again only when the backend takes what had waited for it")
    func waitsForBackend() {
        var machine = Machine(request(.POST, length))
        _ = machine.opened(place, isReady: true, now: start)
        _ = machine.received(piece)
        _ = machine.connected()
        #expect(machine.backendWritable(false) == nil)
        #expect(machine.backendWritable(true) == .readClient(true))
        #expect(machine.received(piece) == .send(piece))
        #expect(machine.ended() == [.sendEnd, .flushBackend])
    }

    @Test(
        "Only what may be asked twice is asked on a connection that the backend may be about to close",
        arguments: [
            (request(.GET), true), (request(.HEAD), true), (request(.OPTIONS), true),
            (request(.GET, ["Content-Length": "0"]), true), (request(.GET, length), false),
            (request(.GET, ["Transfer-Encoding": "chunked"]), false), (request(.GET, upgrade), false),
            (request(.POST), false), (request(.PUT, length), false), (request(.DELETE), false),
        ]
    )
    func idle(_ request: HTTPRequestHead, isFound: Bool) {
        var machine = Machine(request)
        let actions = machine.opened(place, isReady: true, now: start)
        #expect(actions == (isFound ? [.findIdle] : [.readClient(false), .connect]))
    }

    @Test("Where no connection waits, one is made")
    func noneIdle() {
        var machine = Machine(request())
        _ = machine.opened(place, isReady: true, now: start)
        #expect(machine.foundIdle(false) == [.readClient(false), .connect])
        #expect(machine.connected() == [.sendHead(isResumable: false), .flushBackend])
    }

    @Test("A process that takes no connection is a bad gateway")
    func noConnection() {
        var machine = Machine(request(.POST))
        _ = machine.opened(place, isReady: true, now: start)
        #expect(machine.ended() == [])
        #expect(machine.connectFailed() == [.release] + refusal(.noConnection))
        #expect(machine.connectFailed() == [])
    }

    // MARK: Waiting

    @Test("A request waits for a backend that is not ready, and is asked when it is")
    func waits() {
        var machine = Machine(request(.POST, length))
        let deadline = start + .minutes(30)
        #expect(
            machine.opened(place, isReady: false, now: start)
                == [.watchToken, .readClient(false), .awaitBackend(until: deadline)]
        )
        #expect(machine.received(piece) == .hold(bytes: 3))
        #expect(machine.settled(isReady: true) == [.connect])
        #expect(machine.waitedInVain() == [])
        #expect(machine.settled(isReady: true) == [])
        #expect(machine.connected().first == .sendHead(isResumable: false))
    }

    @Test(
        "What ends the wait is said, and what was held is let go of",
        arguments: [
            ("never ready", ProxyRefusal.neverReady), ("gone", .gone), ("cut off", .gone), ("evicted", .backlog),
        ]
    )
    func endsWaiting(_ event: String, _ expected: ProxyRefusal) {
        var machine = Machine(request(.POST, length))
        _ = machine.opened(place, isReady: false, now: start)
        _ = machine.received(piece)
        let actions =
            switch event {
            case "never ready": machine.waitedInVain()
            case "gone": machine.settled(isReady: false)
            case "cut off": machine.cutOff()
            default: machine.evicted()
            }
        // Nobody reads the rest of its body.
        #expect(actions == [.hold(bytes: 0), .release] + refusal(expected, connection: "close", keepsAlive: false))
        #expect(machine.received(piece) == .drop)
        #expect(machine.ended() == [])
        #expect(machine.settled(isReady: true) == [])
        #expect(machine.evicted() == [])
        #expect(machine.cutOff() == [])
    }

    @Test("A request that is whole leaves the connection to the next, whatever it is answered")
    func keepsClient() {
        var machine = Machine(request(.POST, length))
        _ = machine.opened(place, isReady: false, now: start)
        _ = machine.received(piece)
        _ = machine.ended()
        #expect(machine.settled(isReady: false) == [.hold(bytes: 0), .release] + refusal(.gone))
    }

    @Test("A connection that comes when nobody waits for it is closed")
    func tooLate() {
        var machine = Machine(request())
        _ = machine.opened(place, isReady: true, now: start)
        _ = machine.foundIdle(false)
        #expect(machine.aborted() == [.release])
        #expect(machine.connected() == [.closeBackend])
        #expect(machine.foundIdle(true) == [.closeBackend])
    }

    @Test("What waits is let go of when the client goes")
    func clientGoes() {
        var machine = Machine(request(.POST, length))
        _ = machine.opened(place, isReady: false, now: start)
        _ = machine.received(piece)
        #expect(machine.aborted() == [.hold(bytes: 0), .release])
        #expect(machine.aborted() == [])
    }

    @Test("Nothing is refused for what waited when somebody has taken it")
    func evictedTooLate() {
        var machine = Machine(request(.POST, length))
        _ = machine.opened(place, isReady: true, now: start)
        _ = machine.received(piece)
        _ = machine.connected()
        #expect(machine.evicted() == [])
    }

    // MARK: Refusals

    @Test("A refusal comes at the end of a request without a body, which leaves the connection good for the next")
    func refuses() {
        var machine = Machine(request())
        #expect(machine.refused(.gone) == [])
        #expect(machine.ended() == refusal(.gone))
        #expect(machine.ended() == [])
    }

    @Test("A refusal does not wait for a body, and nobody reads it")
    func refusesAtOnce() {
        var machine = Machine(request(.POST, length))
        #expect(machine.refused(.gone) == refusal(.gone, connection: "close", keepsAlive: false))
        #expect(machine.received(piece) == .drop)
        #expect(machine.ended() == [])
    }

    @Test(
        "What a refusal says of the connection follows the request",
        arguments: [
            (request(), nil, true), (request(.GET, ["Connection": "close"]), "close", false),
            (request(.GET, [:], .http1_0), "close", false),
            (request(.GET, ["Connection": "keep-alive"], .http1_0), "keep-alive", true),
            (request(.GET, upgrade), "close", false),
        ] as [(HTTPRequestHead, String?, Bool)]
    )
    func connectionOfRefusal(_ request: HTTPRequestHead, connection: String?, keepsAlive: Bool) {
        var machine = Machine(request)
        _ = machine.refused(.noToken)
        #expect(machine.ended() == refusal(.noToken, connection: connection, keepsAlive: keepsAlive))
    }

    @Test("HEAD is refused without a text")
    func refusesHead() {
        var machine = Machine(request(.HEAD))
        _ = machine.refused(.noToken)
        #expect(machine.ended() == refusal(.noToken, isHead: true))
    }

    // MARK: The answer

    @Test(
        "The client knows the end of a body by a length, by chunks, or by the end of the connection; some have none",
        arguments: [
            (request(), response(), "2", nil, nil),
            (request(), response(.ok, [:]), nil, "chunked", nil),
            (request(), response(.ok, ["Transfer-Encoding": "chunked"]), nil, "chunked", nil),
            (request(), response(.ok, ["Transfer-Encoding": "chunked", "Content-Length": "2"]), nil, "chunked", nil),
            (request(), response(.ok, ["Connection": "close"], .http1_0), nil, "chunked", nil),
            (request(.GET, ["Connection": "close"]), response(), "2", nil, "close"),
            (request(.HEAD), response(), "2", nil, nil),
            (request(.HEAD), response(.ok, ["Transfer-Encoding": "chunked"]), nil, nil, nil),
            (request(), response(.noContent, [:]), nil, nil, nil),
            (request(), response(.notModified, [:]), nil, nil, nil),
            (request(), response(.notModified), "2", nil, nil),
            (request(.GET, [:], .http1_0), response(), "2", nil, "close"),
            (request(.GET, ["Connection": "keep-alive"], .http1_0), response(), "2", nil, "keep-alive"),
            (request(.GET, ["Connection": "keep-alive"], .http1_0), response(.ok, [:]), nil, nil, "close"),
            (request(.GET, ["Connection": "keep-alive"], .http1_0), response(.noContent, [:]), nil, nil, "keep-alive"),
        ] as [(HTTPRequestHead, HTTPResponseHead, String?, String?, String?)]
    )
    func frames(
        _ request: HTTPRequestHead,
        _ response: HTTPResponseHead,
        length: String?,
        coding: String?,
        connection: String?
    ) throws {
        var machine = Machine.forwarding(request)
        let sent = machine.answers(response)
        let answer = try #require(sent)
        #expect(answer.status == response.status)
        #expect(answer.headers["Content-Length"] == [length].compactMap(\.self))
        #expect(answer.headers["Transfer-Encoding"] == [coding].compactMap(\.self))
        #expect(answer.headers["Connection"] == [connection].compactMap(\.self))
        let hasBody = request.method != .HEAD && response.status == .ok
        let body: Machine.BodyAction = !hasBody ? .drop : coding == nil ? .plain(piece) : .chunk(piece)
        #expect(machine.backendReceived(piece) == body)
        #expect(machine.backendReceived(ByteBuffer()) == .drop)
        _ = machine.ended()
        let end = machine.backendEnded(["x-sum": "1", "Content-Length": "9"])
        #expect(end.first == (coding == nil ? .flushClient : .endChunks(["x-sum": "1"])))
        #expect(end.last == .finish(keepsAlive: connection != "close"))
    }

    @Test("An answer has a date: the backend's, or ours", arguments: [nil, "Fri, 02 Jan 1970 00:00:00 GMT"])
    func dates(_ theirs: String?) {
        var machine = Machine.forwarding(request())
        var head = response()
        if let theirs { head.headers.add(name: "Date", value: theirs) }
        #expect(machine.answers(head)?.headers["Date"] == [theirs ?? date])
    }

    @Test("Interim responses go on to clients that know them", arguments: [HTTPVersion.http1_1, .http1_0])
    func interim(_ version: HTTPVersion) {
        var machine = Machine.forwarding(request(.GET, [:], version))
        let hints = HTTPResponseStatus.custom(code: 103, reasonPhrase: "Early Hints")
        let actions = machine.backendReceived(response(hints, [:]), date: date)
        if version == .http1_0 {
            #expect(actions == [])
        } else {
            #expect(actions.last == .flushClient && actions.count == 2)
        }
        // Neither date nor framing, as it is no answer yet.
        if case .respond(_, let headers)? = actions.first {
            #expect(!headers.contains(name: "Date") && !headers.contains(name: "Transfer-Encoding"))
        }
        #expect(!machine.hasResponse)
        #expect(machine.answers(response())?.status == .ok)
        #expect(machine.hasResponse)
    }

    @Test(
        "A connection to a backend is kept only if both say so, and nothing of the request is missing",
        arguments: [
            (response(), true, true), (response(.ok, ["Connection": "close", "Content-Length": "2"]), true, false),
            (response(.ok, ["Content-Length": "2"], .http1_0), true, false), (response(), false, false),
        ]
    )
    func keepsBackend(_ head: HTTPResponseHead, isComplete: Bool, isKept: Bool) {
        var machine = Machine.forwarding(request(.POST, length))
        if isComplete { _ = machine.ended() }
        _ = machine.backendReceived(head, date: date)
        #expect(
            machine.backendEnded(nil)
                == [.flushClient, .release, isKept ? .giveBack : .closeBackend, .finish(keepsAlive: isComplete)]
        )
        #expect(machine.received(piece) == .drop)
        #expect(machine.ended() == [])
    }

    @Test("An answer that comes in pieces can be cut off from its first pause on, which is said once")
    func watchesToken() {
        var machine = Machine.forwarding(request())
        #expect(machine.backendPaused() == .flushClient(watchingToken: false))
        _ = machine.answers(response())
        #expect(machine.backendPaused() == .flushClient(watchingToken: true))
        #expect(machine.backendPaused() == .flushClient(watchingToken: false))
        #expect(machine.cutOff() == [.abort, .release, .closeBackend])
        #expect(machine.backendPaused() == .wait)
    }

    @Test("A request without an answer that is cut off hears that its session is gone")
    func cutOff() {
        var machine = Machine.forwarding(request())
        _ = machine.ended()
        #expect(machine.cutOff() == [.release, .closeBackend] + refusal(.gone))
    }

    // MARK: Paces

    @Test("Each side is read from as fast as the other takes it, and told once")
    func paces() {
        var machine = Machine.forwarding(request(.POST, length))
        #expect(machine.clientWritable(true) == nil)
        #expect(machine.clientWritable(false) == .readBackend(false))
        #expect(machine.clientWritable(false) == nil)
        #expect(machine.clientWritable(true) == .readBackend(true))
        #expect(machine.backendWritable(true) == nil)
        #expect(machine.backendWritable(false) == .readClient(false))
        #expect(machine.backendWritable(false) == nil)
        #expect(machine.backendWritable(true) == .readClient(true))
        _ = machine.aborted()
        #expect(machine.clientWritable(false) == nil)
        #expect(machine.backendWritable(false) == nil)
    }

    @Test("Nobody's pace matters before there is a connection")
    func noPaces() {
        var machine = Machine(request(.POST, length))
        _ = machine.opened(place, isReady: true, now: start)
        #expect(machine.clientWritable(false) == nil)
        #expect(machine.backendWritable(true) == nil)
    }

    // MARK: Ends of the backend

    @Test("A backend that goes before its answer is a bad gateway; within it, the answer breaks off")
    func backendGoes() {
        var machine = Machine.forwarding(request(.POST))
        _ = machine.ended()
        #expect(machine.backendClosed() == [.release, .closeBackend] + refusal(.noAnswer))
        machine = Machine.forwarding(request())
        _ = machine.ended()
        _ = machine.answers(response())
        #expect(machine.backendClosed() == [.abort, .release, .closeBackend])
        #expect(machine.backendClosed() == [])
    }

    @Test("A connection that was about to be closed is no answer: another is made, once")
    func asksAgain() {
        var machine = Machine.forwarding(request(), isReused: true)
        _ = machine.ended()
        #expect(machine.backendClosed() == [.readClient(false), .connect])
        #expect(machine.connected() == [.sendHead(isResumable: false), .flushBackend])
        #expect(machine.backendClosed() == [.release, .closeBackend] + refusal(.noAnswer))
    }

    @Test("After the head of an answer nothing is asked again")
    func asksNotAgain() {
        var machine = Machine.forwarding(request(), isReused: true)
        _ = machine.answers(response())
        #expect(machine.backendClosed() == [.abort, .release, .closeBackend])
    }

    @Test("A client that goes takes the connection to the backend with it")
    func clientGoesLater() {
        var machine = Machine.forwarding(request(.POST, length))
        #expect(machine.aborted() == [.release, .closeBackend])
        #expect(machine.received(piece) == .drop)
        #expect(machine.backendClosed() == [])
        #expect(machine.backendReceived(response(), date: date) == [])
        #expect(machine.backendReceived(piece) == .drop)
        #expect(machine.backendEnded(nil) == [])
    }

    @Test("Bodies and ends before an answer are none")
    func nothingBeforeHead() {
        var machine = Machine.forwarding(request())
        #expect(machine.backendReceived(piece) == .drop)
        #expect(machine.backendEnded(nil) == [])
        _ = machine.answers(response())
        // Nor is there a second answer to a request.
        #expect(machine.backendReceived(response(), date: date) == [])
    }

    // MARK: Another protocol

    @Test(
        "A backend that agrees takes the connection over, its socket outliving it where that is possible",
        arguments: [
            (place, HTTPHeaders(), ProxyExchangeMachine.Tunnel.spliced),
            (resumable, HTTPHeaders(), .resumable(subprotocol: nil)),
            (resumable, ["Sec-WebSocket-Protocol": "chat"], .resumable(subprotocol: "chat")),
            (resumable, ["Sec-WebSocket-Extensions": "permessage-deflate"], .spliced),
        ] as [(ProxyExchangeMachine.Destination, HTTPHeaders, ProxyExchangeMachine.Tunnel)]
    )
    func upgrades(
        _ destination: ProxyExchangeMachine.Destination,
        _ headers: HTTPHeaders,
        _ tunnel: ProxyExchangeMachine.Tunnel
    ) {
        var machine = Machine(request(.GET, upgrade))
        #expect(machine.isUpgrade)
        _ = machine.opened(destination, isReady: true, now: start)
        #expect(machine.ended() == [])
        #expect(machine.connected() == [.sendHead(isResumable: destination.mayResume), .flushBackend])
        var head = response(.switchingProtocols, headers)
        head.headers.add(name: "Upgrade", value: "websocket")
        #expect(machine.backendReceived(head, date: date) == [])
        #expect(!machine.hasResponse)
        let actions = machine.backendEnded(nil)
        #expect(actions.dropFirst() == [.flushClient, .tunnel(tunnel)])
        if case .respond(let status, let headers)? = actions.first {
            #expect(status == .switchingProtocols)
            #expect(headers["Connection"] == ["Upgrade"] && headers["Upgrade"] == ["websocket"])
        }
        // The session is the tunnel's.
        #expect(machine.aborted() == [])
        #expect(machine.cutOff() == [])
    }

    @Test("A protocol that nobody had asked for is a bad gateway")
    func unasked() {
        var machine = Machine.forwarding(request())
        _ = machine.ended()
        _ = machine.backendReceived(response(.switchingProtocols, ["Upgrade": "shout"]), date: date)
        #expect(machine.backendEnded(nil) == [.release, .closeBackend] + refusal(.otherProtocol))
    }

    @Test("A backend that does not agree is heard, and the connection ends with what it says")
    func disagrees() {
        var machine = Machine.forwarding(request(.GET, upgrade), to: resumable)
        _ = machine.ended()
        #expect(machine.answers(response(.forbidden))?.headers["Connection"] == ["close"])
        #expect(machine.backendEnded(nil) == [.flushClient, .release, .closeBackend, .finish(keepsAlive: false)])
    }

    @Test("A backend that agrees and goes before that is said has not answered")
    func agreesAndGoes() {
        var machine = Machine.forwarding(request(.GET, upgrade))
        _ = machine.ended()
        _ = machine.backendReceived(response(.switchingProtocols, ["Upgrade": "websocket"]), date: date)
        #expect(
            machine.backendClosed()
                == [.release, .closeBackend] + refusal(.noAnswer, connection: "close", keepsAlive: false)
        )
    }
}
