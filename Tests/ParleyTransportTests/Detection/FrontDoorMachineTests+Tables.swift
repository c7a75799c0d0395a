import NIOCore
import NIOHTTP1
import ParleyModel

@testable import ParleyTransport

/// Answers and bodies.
extension FrontDoorMachineTests {
    static let answers: [Conversation] = [
        Conversation(
            "one request after another",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.responseBegan(isStreamingEvents: false)),
            Step(.responseEnded, .expectHead),
            Step(.head(head("/b")), .route(head("/b"))),
            Step(api),
            Step(.end, respond(head("/b")))
        ),
        Conversation(
            "the next request waits for the answer to this one, and reading with it",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.readRequested, .read),
            Step(.head(head("/b"))),
            Step(.end),
            Step(.readRequested),
            Step(.responseEnded, .expectHead, .route(head("/b"))),
            Step(api, respond(head("/b")), .read)
        ),
        Conversation(
            "a client that asks for it gets no second answer",
            Step(
                .head(head("/", headers: ["Connection": "close"])),
                .route(head("/", headers: ["Connection": "close"]))
            ),
            Step(api),
            Step(.end, respond(head("/", headers: ["Connection": "close"]))),
            Step(.responseEnded, .finish),
            Step(.head(get)),
            Step(.lastWritten, .closeOutput)
        ),
        Conversation(
            "a client of HTTP/1.0 that says nothing gets one answer",
            Step(.head(head(version: .http1_0)), .route(head(version: .http1_0))),
            Step(api),
            Step(.end, respond(head(version: .http1_0))),
            Step(.responseEnded, .finish)
        ),
        Conversation(
            "no connection is kept by a server that stops",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.draining),
            Step(.end, respond(get)),
            Step(.responseEnded, .finish)
        ),
        Conversation(
            "one that the API cannot answer is refused",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.refused(.badRequest), refuse(.badRequest, get))
        ),
        Conversation(
            "what breaks a rule of HTTP is nobody's, and the last of all",
            Step(.head(head("x")), refuse(.badTarget, head("x"))),
            Step(.end),
            Step(.head(get)),
            Step(.lastWritten, .closeOutput)
        ),
        Conversation(
            "a refusal of a HEAD has no body",
            Step(.head(head("x", .HEAD)), refuse(.badTarget, isHead: true, head("x", .HEAD)))
        ),
    ]

    static let bodies: [Conversation] = [
        Conversation(
            "a body is collected",
            Step(.head(post), .route(post)),
            Step(.routed(.api(maximumBodyBytes: 10))),
            Step(.body(2)),
            Step(.body(3)),
            Step(.end, respond(post, body: 5)),
            Step(.responseEnded, .expectHead)
        ),
        Conversation(
            "a body for no route is not read",
            Step(.head(post), .route(post)),
            Step(api, respond(post)),
            Step(.body(5)),
            Step(.responseEnded, .finish)
        ),
        Conversation(
            "a body that says it is too large is not read",
            Step(.head(post), .route(post)),
            Step(.routed(.api(maximumBodyBytes: 4)), respond(post, refusal: .bodyTooLarge)),
            Step(.responseEnded, .finish)
        ),
        Conversation(
            "a body that becomes too large is not read to its end",
            Step(.head(chunked), .route(chunked)),
            Step(.routed(.api(maximumBodyBytes: 4))),
            Step(.body(4)),
            Step(.body(1), respond(chunked, refusal: .bodyTooLarge)),
            Step(.body(1)),
            Step(.end),
            Step(.responseEnded, .finish)
        ),
        Conversation(
            "where no body may be, none is read",
            Step(.head(chunked), .route(chunked)),
            Step(.routed(.api(maximumBodyBytes: 0)), respond(chunked, refusal: .bodyTooLarge))
        ),
    ]

    private static func expecting(_ version: HTTPVersion = .http1_1) -> HTTPRequestHead {
        head("/", .POST, version: version, headers: ["Content-Length": "5", "Expect": "100-continue"])
    }

    static let expectations: [Conversation] = [
        Conversation(
            "who asks whether to go on is told so when the body is wanted",
            Step(.head(expecting()), .route(expecting())),
            Step(.routed(.api(maximumBodyBytes: 5)), .sendContinue(.http1_1)),
            Step(.body(5)),
            Step(.end, respond(expecting(), body: 5))
        ),
        Conversation(
            "and the same before an exchange",
            Step(.head(expecting()), .route(expecting())),
            Step(.routed(.exchange), .sendContinue(.http1_1), .openExchange)
        ),
        Conversation(
            "a backend is asked itself",
            Step(.head(expecting()), .route(expecting())),
            Step(proxy, .openProxy)
        ),
        Conversation(
            "who is refused is not told to go on",
            Step(.head(expecting()), .route(expecting())),
            Step(.routed(.api(maximumBodyBytes: 4)), respond(expecting(), refusal: .bodyTooLarge))
        ),
        Conversation(
            "HTTP/1.0 knows no interim answers",
            Step(.head(expecting(.http1_0)), .route(expecting(.http1_0))),
            Step(.routed(.api(maximumBodyBytes: 5)))
        ),
    ]
}

/// Handshakes.
extension FrontDoorMachineTests {
    static let handshake = head("/relay", headers: ["Upgrade": "websocket", "Connection": "Upgrade"])

    static let upgrades: [Conversation] = [
        Conversation(
            "a handshake that is admitted at once is through with its end",
            Step(.head(handshake), .route(handshake)),
            Step(.routed(.upgrade), .askForAdmission),
            Step(.admitted),
            Step(.end, .upgrade),
            Step(.left),
            Step(.readRequested, .read)
        ),
        Conversation(
            "nothing is read while somebody thinks about the admission: the parser would keep all of it",
            Step(.head(handshake), .route(handshake)),
            Step(.routed(.upgrade), .askForAdmission),
            Step(.readRequested, .read),
            Step(.end),
            Step(.readRequested),
            Step(.admitted, .upgrade),
            Step(.left, .read)
        ),
        Conversation(
            "who is not admitted is told why, and which request that was",
            Step(.head(handshake), .route(handshake)),
            Step(.routed(.upgrade), .askForAdmission),
            Step(.end),
            Step(.readRequested),
            Step(.refused(.connectionLimit), refuse(.connectionLimit, handshake), .read),
            Step(.admitted)
        ),
        Conversation(
            "the goodbye may be said while somebody thinks about the admission",
            Step(.head(handshake), .route(handshake)),
            Step(.routed(.upgrade), .askForAdmission),
            Step(.end),
            Step(.draining),
            Step(.admitted, refuse(.shuttingDown, handshake))
        ),
        Conversation(
            "an upgrade is refused by its head",
            Step(.head(handshake), .route(handshake)),
            Step(.routed(.refusal(.notAHandshake)), refuse(.notAHandshake, handshake)),
            Step(.end)
        ),
        Conversation(
            "a handshake may follow other requests, in one packet with them",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.head(handshake)),
            Step(.end),
            Step(.responseEnded, .expectHead, .route(handshake)),
            Step(.routed(.upgrade), .askForAdmission),
            Step(.admitted, .upgrade)
        ),
    ]
}

/// Exchanges and backends.
extension FrontDoorMachineTests {

    static let exchanges: [Conversation] = [
        Conversation(
            "an exchange hears all of its request, and its answer is the next thing written",
            Step(.head(post), .route(post)),
            Step(.routed(.exchange), .openExchange),
            Step(.body(5), .forward(ByteBuffer(string: "aaaaa"))),
            Step(.end, .forwardEnd),
            Step(.head(get)),
            Step(.answered(answer), .answer(answer, version: .http1_1)),
            Step(.responseEnded, .expectHead, .route(get))
        ),
        Conversation(
            "an answer before the end of the request waits for that",
            Step(.head(post), .route(post)),
            Step(.routed(.exchange), .openExchange),
            Step(.answered(answer)),
            Step(.body(5), .forward(ByteBuffer(string: "aaaaa"))),
            Step(.end, .forwardEnd, .answer(answer, version: .http1_1))
        ),
        Conversation(
            "an answer that makes the rest of no interest does not",
            Step(.head(post), .route(post)),
            Step(.routed(.exchange), .openExchange),
            Step(.answered(lastAnswer), .answer(lastAnswer, version: .http1_1)),
            Step(.body(5)),
            Step(.responseEnded, .finish)
        ),
        Conversation(
            "a poll that is held hears that its client has said its last, and may be answered",
            Step(.head(get), .route(get)),
            Step(.routed(.exchange), .openExchange),
            Step(.end, .forwardEnd),
            Step(.inputClosed, .forwardInputClosed),
            Step(.answered(answer), .answer(answer, version: .http1_1)),
            Step(.responseEnded, .finish)
        ),
        Conversation(
            "what is refused in the middle is nobody's any more",
            Step(.head(post), .route(post)),
            Step(.routed(.exchange), .openExchange),
            Step(.failed(refusal), .abandon, refuse(refusal, post)),
            Step(.answered(answer))
        ),
    ]

    static let proxies: [Conversation] = [
        Conversation(
            "a request goes on piece by piece, and the next one waits for the answer",
            Step(.head(post), .route(post)),
            Step(proxy, .openProxy),
            Step(.body(2), .forward(ByteBuffer(string: "aa"))),
            Step(.body(3), .forward(ByteBuffer(string: "aaa"))),
            Step(.end, .forwardEnd),
            Step(.head(get)),
            Step(.responseBegan(isStreamingEvents: false)),
            Step(.proxyEnded(keepsAlive: true), .expectHead, .route(get))
        ),
        Conversation(
            "a body is read as fast as the backend takes it",
            Step(.head(post), .route(post)),
            Step(proxy, .openProxy),
            Step(.proxyPaused(true)),
            Step(.readRequested),
            Step(.body(5)),
            Step(.proxyPaused(false), .forward(ByteBuffer(string: "aaaaa")), .read)
        ),
        Conversation(
            "a backend that says so ends the connection",
            Step(.head(get), .route(get)),
            Step(proxy, .openProxy),
            Step(.end, .forwardEnd),
            Step(.proxyEnded(keepsAlive: false), .finish)
        ),
        Conversation(
            "and so does a server that stops",
            Step(.head(get), .route(get)),
            Step(proxy, .openProxy),
            Step(.end, .forwardEnd),
            Step(.draining),
            Step(.proxyEnded(keepsAlive: true), .finish)
        ),
        Conversation(
            "a request that breaks off before the answer has begun is refused",
            Step(.head(post), .route(post)),
            Step(proxy, .openProxy),
            Step(.failed(refusal), .abandon, refuse(refusal, post))
        ),
        Conversation(
            "one that breaks off after that has no second answer",
            Step(.head(post), .route(post)),
            Step(proxy, .openProxy),
            Step(.responseBegan(isStreamingEvents: false)),
            Step(.failed(refusal), .close)
        ),
        Conversation(
            "where both sides stream, nobody has a deadline",
            Step(.head(post), .route(post)),
            Step(proxy, .openProxy),
            Step(.seconds(3600)),
            Step(timer)
        ),
    ]
}

/// What is no request, and ends.
extension FrontDoorMachineTests {
    static let garbage: [Conversation] = [
        Conversation(
            "what is no request is refused, and nothing behind it is looked at",
            Step(.failed(refusal), refuse(refusal)),
            Step(.failed(refusal)),
            Step(.head(get)),
            Step(.lastWritten, .closeOutput)
        ),
        Conversation(
            "garbage behind a request, in the same segment, is refused behind its answer",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.failed(refusal)),
            Step(.readRequested),
            Step(.responseBegan(isStreamingEvents: false)),
            Step(.responseEnded, .expectHead, refuse(refusal), .read)
        ),
        Conversation(
            "garbage behind a HEAD is answered like any other, with a body",
            Step(.head(head("/", .HEAD)), .route(head("/", .HEAD))),
            Step(api),
            Step(.end, respond(head("/", .HEAD))),
            Step(.failed(refusal)),
            Step(.responseEnded, .expectHead, refuse(refusal))
        ),
        Conversation(
            "a body that turns out to be none is refused",
            Step(.head(chunked), .route(chunked)),
            Step(.routed(.api(maximumBodyBytes: 9))),
            Step(.body(4)),
            Step(.failed(refusal), refuse(refusal, chunked))
        ),
    ]

    static let ends: [Conversation] = [
        Conversation(
            "who says nothing and ends hears the end",
            Step(.inputClosed, .finish),
            Step(.lastWritten, .closeOutput)
        ),
        Conversation(
            "who has asked, and says no more, gets the answer",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.inputClosed),
            Step(.responseBegan(isStreamingEvents: false)),
            Step(.responseEnded, .finish),
            Step(.lastWritten, .closeOutput)
        ),
        Conversation(
            "all of several requests are answered before the end",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.head(head("/b"))),
            Step(.end),
            Step(.inputClosed),
            Step(.responseEnded, .expectHead, .route(head("/b"))),
            Step(api, respond(head("/b"))),
            Step(.responseEnded, .finish)
        ),
        Conversation(
            "a request that will never be complete is not waited for",
            Step(.head(post), .route(post)),
            Step(.routed(.api(maximumBodyBytes: 9))),
            Step(.body(4)),
            Step(.inputClosed, .close)
        ),
        Conversation(
            "a WebSocket has no use for one direction",
            Step(.head(get), .route(get)),
            Step(.routed(.upgrade), .askForAdmission),
            Step(.end),
            Step(.inputClosed, .close),
            Step(.admitted)
        ),
        Conversation(
            "a client gets a while to take our last words, and no longer",
            Step(.inputClosed, .finish),
            Step(.lastWritten, .closeOutput),
            Step(.seconds(1)),
            Step(timer),
            Step(.seconds(1)),
            Step(timer, .close)
        ),
    ]

    static let streams: [Conversation] = [
        Conversation(
            "a stream of events has no end of its own, and ends with its client",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.responseBegan(isStreamingEvents: true)),
            Step(.inputClosed, .close),
            Step(.responseEnded)
        ),
        Conversation(
            "the answer behind it is another one",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.responseBegan(isStreamingEvents: true)),
            Step(.responseEnded, .expectHead),
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.inputClosed),
            Step(.responseEnded, .finish)
        ),
    ]
}

/// Clients that do not read, or say too little.
extension FrontDoorMachineTests {
    static let unread: [Conversation] = [
        Conversation(
            "who does not take its answers is asked for no further requests",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.writable(false)),
            Step(.responseEnded, .expectHead),
            Step(.readRequested),
            Step(.head(get)),
            Step(.end),
            Step(.writable(true), .route(get)),
            Step(api, respond(get), .read)
        ),
        Conversation(
            "and is not taken for silent meanwhile",
            Step(.writable(false)),
            Step(.readRequested),
            Step(.seconds(10)),
            Step(.deadline(partialHead: false, pendingOutput: true)),
            Step(.seconds(10)),
            Step(.deadline(partialHead: false, pendingOutput: false), .close)
        ),
        Conversation(
            "a body that is under way is read all the same",
            Step(.head(post), .route(post)),
            Step(.routed(.api(maximumBodyBytes: 5))),
            Step(.writable(false)),
            Step(.readRequested, .read),
            Step(.body(5)),
            Step(.end, respond(post, body: 5))
        ),
    ]

    private static let longPost = head("/", .POST, headers: ["Content-Length": "9999"])
    private static let partial = Event.deadline(partialHead: true, pendingOutput: false)

    static let deadlines: [Conversation] = [
        Conversation(
            "who says nothing is closed without a word",
            Step(.seconds(9)),
            Step(timer),
            Step(.seconds(1)),
            Step(timer, .close)
        ),
        Conversation(
            "who has begun is told that it took too long",
            Step(.seconds(10)),
            Step(partial, refuse(.requestTimeout))
        ),
        Conversation(
            "each request has the time of the first",
            Step(.seconds(9)),
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            // An answer may take its time.
            Step(.seconds(600)),
            Step(timer),
            Step(.responseEnded, .expectHead),
            Step(.seconds(9)),
            Step(partial),
            Step(.seconds(1)),
            Step(partial, refuse(.requestTimeout))
        ),
        Conversation(
            "a byte now and then is no progress of a body",
            Step(.head(longPost), .route(longPost)),
            Step(.routed(.api(maximumBodyBytes: 9999))),
            Step(.body(1)),
            Step(.seconds(20)),
            Step(.body(1000)),
            Step(.seconds(10)),
            Step(partial, refuse(.requestTimeout, longPost))
        ),
        Conversation(
            "a kibibyte is",
            Step(.head(longPost), .route(longPost)),
            Step(.routed(.api(maximumBodyBytes: 9999))),
            Step(.body(1)),
            Step(.seconds(20)),
            Step(.body(1024)),
            Step(.seconds(29)),
            Step(partial),
            Step(.seconds(1)),
            Step(partial, refuse(.requestTimeout, longPost))
        ),
        Conversation(
            "the same of the body of an exchange, which hears of it",
            Step(.head(longPost), .route(longPost)),
            Step(.routed(.exchange), .openExchange),
            Step(.body(1), .forward(ByteBuffer(string: "a"))),
            Step(.seconds(30)),
            Step(partial, .abandon, refuse(.requestTimeout, longPost))
        ),
        Conversation(
            "an exchange whose request is complete may be held as long as it likes",
            Step(.head(get), .route(get)),
            Step(.routed(.exchange), .openExchange),
            Step(.end, .forwardEnd),
            Step(.seconds(3600)),
            Step(partial)
        ),
        Conversation(
            "an admission may not",
            Step(.head(get), .route(get)),
            Step(.routed(.upgrade), .askForAdmission),
            Step(.end),
            Step(.seconds(10)),
            Step(partial, refuse(.requestTimeout, get)),
            Step(.admitted)
        ),
    ]
}
