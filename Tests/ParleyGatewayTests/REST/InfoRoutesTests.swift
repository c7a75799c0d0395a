import HTTPTypes
import NIOCore
import ParleyHTTPTesting
import ParleyModel
import Testing

@testable import ParleyGateway
@testable import ParleyHTTP

/// Tests of `InfoRoutes.swift`.
@Suite struct InfoRoutesTests {
    @Test("The root says what this is")
    func welcome() async throws {
        let answer = try await TestGateway { $0.name = "Mine" }.send(.get, "/")
        #expect(
            answer.line
                == "200 {\"message\":\"Mine\",\"version\":\"0.1.0\",\"status\":\"running\","
                + "\"features\":{\"rest\":true,\"websocket\":true,\"sessionAcquisition\":true}}"
        )
        #expect(answer.headers[.contentType] == "application/json")
    }

    @Test("Health is the server's own, not the store's")
    func health() async throws {
        let answer = try await TestGateway(sessions: AbsentSessionStore()).send(.get, "/health")
        #expect(answer.line == "200 {\"status\":\"healthy\",\"timestamp\":\"2026-01-01T00:00:00.000Z\"}")
    }

    @Test("The store's health has a route of its own")
    func databaseHealth() async throws {
        let well = try await TestGateway().send(.get, "/health/db")
        let ill = try await TestGateway(sessions: AbsentSessionStore()).send(.get, "/health/db")
        #expect(well.status == 200)
        #expect(well.body.hasPrefix("{\"status\":\"healthy\","))
        #expect(ill.status == 503)
        #expect(
            ill.body.hasPrefix("{\"status\":\"unhealthy\",\"database\":\"disconnected\",\"error\":\"unavailable\",")
        )
    }

    @Test("Clients learn where to connect, and which events there are")
    func webSocketInfo() async throws {
        let answer = try await TestGateway { $0.webSocketPath = "/live" }.send(.get, "/websocket-info")
        let info = try #require(JSONFields(ByteBuffer(string: answer.body)))
        #expect(answer.status == 200)
        #expect(info.string("path") == "/socket.io/")
        #expect(info.string("nativePath") == "/live")
        #expect(info.json("transports").map { String(buffer: $0) } == "[\"websocket\",\"polling\"]")
        #expect(info.json("protocols").map { String(buffer: $0) } == "[\"socket.io\",\"native-websocket\"]")
        let events = try #require(info.json("events").flatMap { JSONFields($0) })
        #expect(events.json("client").map { String(buffer: $0) } == "[\"echo\",\"ping\"]")
        #expect(events.has("server"))
    }

    @Test(
        "Anything else is not here",
        arguments: [(.get, "/nothing"), (.get, "/api/nothing"), (.put, "/health/x"), (.get, "/api/auth")]
            as [(HTTPRequest.Method, String)]
    )
    func notFound(method: HTTPRequest.Method, path: String) async throws {
        let answer = try await TestGateway().send(method, path)
        #expect(answer.line == "404 {\"success\":false,\"error\":\"Not found\"}")
        #expect(answer.headers[.contentType] == "application/json")
    }
}

/// Tests of `GatewayInformation`.
@Suite struct GatewayInformationTests {
    private static let information = GatewayInformation(TestGateway { $0.webSocketPath = "/live" }.services)

    @Test(
        "It answers any path and method alike",
        arguments: [(.get, "/"), (.get, "/ws"), (.get, "/socket.io/"), (.post, "/any?x=y"), (.delete, "/health")]
            as [(HTTPRequest.Method, String)]
    )
    func anything(method: HTTPRequest.Method, path: String) async throws {
        let answer = try await Answer.of(Self.information, method, path, "body")
        let information = try #require(JSONFields(ByteBuffer(string: answer.body)))
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "application/json")
        #expect(information.string("status") == "running")
    }

    @Test("Its usage is the way by which the request came", arguments: [("http", "ws"), ("https", "wss")])
    func usage(scheme: String, socketScheme: String) async throws {
        let answer = try await Answer.of(Self.information, .get, "/", scheme: scheme)
        let information = try #require(JSONFields(ByteBuffer(string: answer.body)))
        let usage = try #require(information.json("usage").flatMap { JSONFields($0) })
        #expect(usage.string("socketio")?.contains("'\(scheme)://api.test'") == true)
        #expect(usage.string("socketio")?.contains("'/live'") == true)
        #expect(usage.string("websocket")?.contains("'\(socketScheme)://api.test/live?") == true)
    }

    @Test("Both protocols, key by key")
    func protocols() async throws {
        let answer = try await Answer.of(Self.information, .get, "/")
        let information = try #require(JSONFields(ByteBuffer(string: answer.body)))
        let protocols = try #require(information.json("protocols").flatMap { JSONFields($0) })
        let socketIO = try #require(protocols.json("socketio").flatMap { JSONFields($0) })
        let webSocket = try #require(protocols.json("websocket").flatMap { JSONFields($0) })
        #expect(socketIO.string("path") == "/socket.io/")
        #expect(socketIO.string("description") != nil)
        #expect(socketIO.json("transports").map { String(buffer: $0) } == "[\"websocket\",\"polling\"]")
        #expect(webSocket.string("path") == "/")
        #expect(webSocket.string("description") != nil)
        #expect(webSocket.string("authentication") != nil)
    }

    @Test("Pages of listed origins may read it, and ask before")
    func crossOrigin() async throws {
        let headers: HTTPFields = [.origin: "http://localhost:5173"]
        let rule = CrossOriginRule(CORSPolicy.gateway(GatewayConfiguration()))
        let part = ListenerPart(name: .gatewaySockets, crossOrigin: rule)
        let api = CrossOriginAPI(api: Self.information, routes: ListenerRoutes([part]))
        for (method, status) in [(.get, 200), (.options, 204)] as [(HTTPRequest.Method, Int)] {
            let answer = try await Answer.of(api, method, "/any", headers: headers)
            #expect(answer.status == status)
            #expect(answer.body.isEmpty == (status == 204))
            #expect(answer.headers[.accessControlAllowOrigin] == "http://localhost:5173")
        }
    }
}
