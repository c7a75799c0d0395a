import NIOHTTP1
import Testing

@testable import ParleyServer

@Suite struct RouteTableTests {
    private static let table = RouteTable([
        ("GET", "/healthz"), ("GET", "/api/rooms/{roomId}"), ("POST", "/api/rooms"), ("DELETE", "/api/rooms/{roomId}"),
        ("GET", "/files/**"), ("GET", "/"),
    ])

    @Test(
        "A path has the methods of the routes that match it",
        arguments: [
            ("/healthz", ["GET"]), ("/healthz/", ["GET"]), ("/healthz/x", []), ("/api/rooms", ["POST"]),
            ("/api/rooms/7", ["DELETE", "GET"]), ("/api", []), ("/files/a/b", ["GET"]), ("/", ["GET"]),
            ("/nothing", []),
        ]
    )
    func methods(path: String, methods: [String]) {
        #expect(Self.table.methods(of: path[...]) == methods)
        for method in ["GET", "POST", "DELETE"] {
            #expect(Self.table.contains(HTTPMethod(rawValue: method), path[...]) == methods.contains(method))
        }
    }
}
