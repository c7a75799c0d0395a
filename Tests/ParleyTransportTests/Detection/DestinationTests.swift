import NIOCore
import NIOHTTP1
import ParleyModel
import Testing

@testable import ParleyTransport

@Suite struct DestinationTests {
    struct Place: WebSocketEndpoint, ExchangeEndpoint {
        var refusal: Refusal? = nil

        func refusal(for request: UpgradeRequest) -> Refusal? { self.refusal }
        func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission { .refuse(.notFound) }
        func exchange(
            for request: UpgradeRequest,
            on eventLoop: any EventLoop,
            answer: @escaping (ExchangeAnswer) -> Void
        ) -> any HTTPExchange {
            fatalError("Nobody is asked for an exchange here.")
        }
    }

    /// An API that has one route.
    private static let routes = TestRoutes(
        bodyBytes: { $0.path == "/known" ? ($0.head.method == .POST ? 9 : 0) : nil }
    )

    struct Case: Sendable {
        let route: Route
        var method = HTTPMethod.GET
        var path = "/known"
        var headers: HTTPHeaders = [:]
        var isDraining = false
        let destination: Destination
    }

    static let handshake: HTTPHeaders = [
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ]
    private static let place = Place()

    private static let cases = [
        Case(route: .webSocket(place), headers: handshake, destination: .upgrade),
        Case(route: .exchange(place), headers: handshake, destination: .upgrade),
        Case(route: .exchange(place), destination: .exchange),
        Case(route: .exchange(place), method: .POST, destination: .exchange),
        Case(route: .http, method: .POST, destination: .api(maximumBodyBytes: 9)),
        Case(route: .http, destination: .api(maximumBodyBytes: 0)),
        Case(route: .http, path: "/unknown", destination: .api(maximumBodyBytes: nil)),
        // Another protocol than WebSocket is nobody's.
        Case(route: .http, headers: ["Upgrade": "h2c"], destination: .api(maximumBodyBytes: 0)),
        Case(route: .webSocket(place), headers: ["Upgrade": "h2c"], destination: .refusal(.upgradeRequired)),
        Case(route: .webSocket(place), destination: .refusal(.upgradeRequired)),
        Case(route: .webSocket(place), method: .HEAD, destination: .refusal(.upgradeRequired)),
        Case(route: .webSocket(place), method: .POST, headers: handshake, destination: .refusal(.methodNotAllowed)),
        Case(
            route: .webSocket(place),
            headers: ["Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"],
            destination: .refusal(.notAHandshake)
        ),
        // The method comes first, then the place, then the handshake.
        Case(
            route: .webSocket(Place(refusal: .relayTopic)),
            method: .POST,
            destination: .refusal(.methodNotAllowed)
        ),
        Case(route: .webSocket(Place(refusal: .relayTopic)), destination: .refusal(.relayTopic)),
        // Who stops takes no new connections, and answers what is no such.
        Case(route: .webSocket(place), headers: handshake, isDraining: true, destination: .refusal(.shuttingDown)),
        Case(route: .exchange(place), headers: handshake, isDraining: true, destination: .refusal(.shuttingDown)),
        Case(route: .webSocket(place), isDraining: true, destination: .refusal(.upgradeRequired)),
        Case(route: .exchange(place), isDraining: true, destination: .exchange),
        Case(route: .http, isDraining: true, destination: .api(maximumBodyBytes: 0)),
    ]

    @Test("The head and the route decide what becomes of a request", arguments: Self.cases)
    func destination(of example: Case) {
        let head = HTTPRequestHead(
            version: .http1_1,
            method: example.method,
            uri: example.path,
            headers: example.headers
        )
        let request = UpgradeRequest(head: head, peer: nil)
        let destination = Destination(
            of: request,
            by: example.route,
            in: Self.routes,
            isDraining: example.isDraining
        )
        #expect(destination == example.destination)
    }
}
