import NIOCore
import NIOHTTP1
import ParleyModel

@testable import ParleyTransport

/// Where the parser stops, as what follows could be another protocol.
extension FrontDoorMachineTests {
    private static let offer = head("/", headers: ["Upgrade": "h2c", "Connection": "Upgrade"])
    private static let postOffer = head(
        "/",
        .POST,
        headers: ["Upgrade": "h2c", "Connection": "Upgrade", "Content-Length": "5"]
    )
    private static let noOffer = head("/", headers: ["Upgrade": "h2c"])
    private static let tunnel = Event.routed(.proxy(isUpgrade: true))

    static let parserStops: [Conversation] = [
        Conversation(
            "an offer that nobody takes up is followed by the next request, for a parser of its own",
            Step(.head(offer), .route(offer)),
            Step(api),
            Step(.end, respond(offer)),
            Step(.readCompleted, .renewDecoder),
            Step(.decoderRenewed),
            Step(.head(get)),
            Step(.end),
            Step(.readCompleted),
            Step(.responseEnded, .expectHead, .route(get)),
            Step(api, respond(get))
        ),
        Conversation(
            "the same of one with a body",
            Step(.head(postOffer), .route(postOffer)),
            Step(.routed(.api(maximumBodyBytes: 5))),
            Step(.readCompleted),
            Step(.body(5)),
            Step(.end, respond(postOffer, body: 5)),
            Step(.readCompleted, .renewDecoder)
        ),
        Conversation(
            "the same of one that is an exchange, and of one that goes to a backend",
            Step(.head(offer), .route(offer)),
            Step(.routed(.exchange), .openExchange),
            Step(.end, .forwardEnd),
            Step(.readCompleted, .renewDecoder),
            Step(.decoderRenewed),
            Step(.answered(answer), .answer(answer, version: .http1_1)),
            Step(.responseEnded, .expectHead),
            Step(.head(offer), .route(offer)),
            Step(proxy, .openProxy),
            Step(.end, .forwardEnd),
            Step(.readCompleted, .renewDecoder)
        ),
        Conversation(
            "what the former has kept is a read, in which the new one may stop, too",
            Step(.head(offer), .route(offer)),
            Step(api),
            Step(.end, respond(offer)),
            Step(.readCompleted, .renewDecoder),
            Step(.responseEnded, .expectHead),
            Step(.head(offer), .route(offer)),
            Step(api),
            Step(.end, respond(offer)),
            Step(.decoderRenewed, .renewDecoder)
        ),
        Conversation(
            "one that waited for its turn is done with between two reads, and so is the parser",
            Step(.head(get), .route(get)),
            Step(api),
            Step(.end, respond(get)),
            Step(.head(offer)),
            Step(.end),
            Step(.readCompleted),
            Step(.responseEnded, .expectHead, .route(offer)),
            Step(api, .renewDecoder, respond(offer)),
            Step(.decoderRenewed)
        ),
        Conversation(
            "a parser that goes on has not stopped",
            Step(.head(offer), .route(offer)),
            Step(api),
            Step(.end, respond(offer)),
            Step(.head(get)),
            Step(.end),
            Step(.readCompleted)
        ),
        Conversation(
            "and stops behind nothing that is no offer by the letter",
            Step(.head(noOffer), .route(noOffer)),
            Step(api),
            Step(.end, respond(noOffer)),
            Step(.readCompleted)
        ),
        Conversation(
            "CONNECT is no request of this server's",
            Step(.head(head("a.test:80", .CONNECT)), refuse(.unknownMethod, head("a.test:80", .CONNECT))),
            Step(.end),
            Step(.readCompleted)
        ),
    ]

    /// Backends that may speak another protocol.
    static let tunnels: [Conversation] = [
        Conversation(
            "what comes behind a handshake is for the backend: no parser has it, and none is read before the backend answers",
            Step(.head(handshake), .route(handshake)),
            Step(tunnel, .openProxy),
            Step(.readRequested, .read),
            Step(.end, .forwardEnd),
            Step(.readCompleted),
            Step(.readRequested),
            Step(.proxyPaused(true)),
            Step(.proxyPaused(false)),
            Step(.left, .read)
        ),
        Conversation(
            "a backend that does not agree has the last word",
            Step(.head(handshake), .route(handshake)),
            Step(tunnel, .openProxy),
            Step(.end, .forwardEnd),
            Step(.readCompleted),
            Step(.readRequested),
            Step(.responseBegan(isStreamingEvents: false)),
            Step(.proxyEnded(keepsAlive: false), .finish, .read),
            Step(.lastWritten, .closeOutput)
        ),
        Conversation(
            "who says no more behind a handshake is known to be at its end",
            Step(.head(handshake), .route(handshake)),
            Step(tunnel, .openProxy),
            Step(.end, .forwardEnd),
            Step(.inputClosed),
            Step(.proxyEnded(keepsAlive: true), .finish)
        ),
    ]
}
