import HTTPTypes
import NIOHTTP1
import ParleyModel
import Testing

@testable import ParleyHTTP
@testable import ParleyTransport

@Suite struct ListenerRoutesTests {
    private static func rule(_ origin: String) -> CrossOriginRule { CrossOriginRule(CORSPolicy(.fixed(origin))) }

    private static let routes = ListenerRoutes(
        [
            ListenerPart(name: .backendsProxy, claims: { $0.first == "b" }),
            ListenerPart(
                name: .channelManagement,
                claims: { $0.first == "own" },
                methods: { $0 == "/own/here" ? ["GET", "HEAD", "DELETE"] : [] },
                crossOrigin: rule("own"),
                maximumBodyBytes: { _ in 7 }
            ),
            ListenerPart(
                name: .issuing,
                claims: { $0.first == "api" },
                crossOrigin: rule("api"),
                maximumBodyBytes: { $0 == "/api/off" ? nil : 9 }
            ),
        ],
        RouteTable([("GET", "/api/a"), ("POST", "/api/a"), ("POST", "/api/off"), ("POST", "/own/other"), ("GET", "/x")])
    )

    struct Case: Sendable {
        let path: String
        var part = ListenerPart.Name.operations
        var allowed = "GET, HEAD, OPTIONS"
        /// What GET, POST and DELETE may have of a body.
        let bodies: [Int?]
        var origin: String? = nil
    }

    @Test(
        "A path has a part, and the part says what holds there",
        arguments: [
            Case(path: "/x", bodies: [0, nil, nil]),
            Case(path: "/nothing", bodies: [nil, nil, nil]),
            Case(path: "/b/x", part: .backendsProxy, bodies: [nil, nil, nil]),
            Case(
                path: "/api/a",
                part: .issuing,
                allowed: "GET, HEAD, POST, OPTIONS",
                bodies: [0, 9, nil],
                origin: "api"
            ),
            Case(path: "/api/off", part: .issuing, allowed: "POST, OPTIONS", bodies: [nil, nil, nil], origin: "api"),
            Case(path: "/api", part: .issuing, bodies: [nil, nil, nil], origin: "api"),
            // What is no route of the router's.
            Case(
                path: "/own/here",
                part: .channelManagement,
                allowed: "GET, HEAD, DELETE, OPTIONS",
                bodies: [0, nil, 0],
                origin: "own"
            ),
            Case(
                path: "/own/other",
                part: .channelManagement,
                allowed: "POST, OPTIONS",
                bodies: [nil, 7, nil],
                origin: "own"
            ),
        ]
    )
    func places(example: Case) {
        for spelling in [example.path, example.path + "/", "/" + example.path] {
            let place = Self.routes.place(at: spelling[...])
            #expect(place.part.name == example.part)
            #expect(place.allowed.joined(separator: ", ") == example.allowed)
            #expect([HTTPMethod.GET, .POST, .DELETE].map { place.maximumBodyBytes(for: $0) } == example.bodies)
            // Refusals of the front door, too.
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: spelling + "?x=/api/a")
            let fields = Self.routes.crossOriginFields(for: head)
            #expect(fields.first { $0.name == "Access-Control-Allow-Origin" }?.value == example.origin)
        }
    }

    @Test("The first part that takes a request has it, whoever has the path")
    func requests() {
        let routes = ListenerRoutes([
            ListenerPart(name: .gatewaySockets, claims: { _ in false }, route: { $0.query["a"] == nil ? nil : .http }),
            ListenerPart(name: .relay, route: { _ in .webSocket(NowhereEndpoint()) }),
        ])
        func isPlain(_ uri: String) -> Bool {
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri)
            if case .http = routes.route(UpgradeRequest(head: head, peer: nil)) { return true }
            return false
        }
        #expect(isPlain("/?a=1") && !isPlain("/"))
        #expect(ListenerRoutes([]).nothingHere == .notFound)
    }
}
