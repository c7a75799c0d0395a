import HTTPTypes
import NIOCore
import ParleyHTTPTesting
import ParleyModel
import Testing

@testable import ParleyGateway

/// Tests of `GatewayRoute.swift` against what is registered, and of `OpenAPIDocument.swift` against both.
@Suite struct GatewayRouteTests {
    private static let routes = GatewayRoute.own + GatewayRoute.shared

    private static func keys(of object: ByteBuffer?) throws -> [String] {
        var keys: [String] = []
        try JSONScanner.scanObject(try #require(object)) { key, _ in keys.append(key.string) }
        return keys
    }

    private static func parsedDocument() throws -> JSONFields {
        let document = OpenAPIDocument(configuration: GatewayConfiguration(), events: ["echo", "ping"])
        return try #require(JSONFields(document.json))
    }

    @Test("Every route of the table answers as the table says it may", arguments: routes.indices)
    func answers(index: Int) async throws {
        let route = Self.routes[index]
        let answer = try await TestGateway().send(route.method == .get ? .get : .post, route.path)
        #expect(answer.body != "{\"success\":false,\"error\":\"Not found\"}")
        #expect(route.responses.map(\.status).contains(answer.status), "\(answer.line)")
    }

    @Test("Every route of the table is in the document, and nothing else")
    func paths() throws {
        let paths = try #require(try Self.parsedDocument().json("paths"))
        var documented: Set<String> = []
        for path in try Self.keys(of: paths) {
            for method in try Self.keys(of: JSONFields(paths)?.json(path)) { documented.insert("\(method) \(path)") }
        }
        let table = Self.routes.map { "\($0.method.rawValue) \($0.path)" }
        #expect(documented == Set(table))
        #expect(documented.count == table.count)
    }

    @Test("A route is documented with its answers and its body", arguments: routes.indices)
    func details(index: Int) throws {
        let route = Self.routes[index]
        let path = try Self.parsedDocument().json("paths").flatMap { JSONFields($0)?.json(route.path) }
        let details = try #require(
            path.flatMap { JSONFields($0)?.json(route.method.rawValue) }.flatMap { JSONFields($0) }
        )
        #expect(details.string("operationId") == route.operation.rawValue)
        #expect(details.string("summary") == route.summary)
        #expect(try Self.keys(of: details.json("responses")) == route.responses.map { "\($0.status)" })
        #expect(details.has("security") == (route.security != .none))
        #expect(details.has("requestBody") == !route.body.isEmpty)
        guard !route.body.isEmpty else { return }
        var schema = details.json("requestBody")
        for name in ["content", "application/json", "schema", "properties"] {
            schema = schema.flatMap { JSONFields($0)?.json(name) }
        }
        #expect(try Self.keys(of: schema) == route.body.map(\.name))
    }

    @Test("The document is of OpenAPI 3.1, with the events beside the routes")
    func document() throws {
        let document = try Self.parsedDocument()
        #expect(document.string("openapi") == "3.1.0")
        let info = document.json("info").flatMap { JSONFields($0) }
        #expect(info?.string("title") == "Realtime Session Server")
        #expect(info?.string("version") == "0.1.0")
        let events = document.json("x-events").flatMap { JSONFields($0) }
        #expect(events?.json("client").map { String(buffer: $0) } == "[\"echo\",\"ping\"]")
        #expect(events?.json("server").map { String(buffer: $0) }?.contains("\"ai:response:chunk\"") == true)
    }

    @Test("HEAD answers where GET does")
    func head() async throws {
        #expect(try await TestGateway().send(.head, "/health").status == 200)
    }
}
