import Testing

@testable import ParleyHTTP

@Suite struct RouteTableTests {
    private static let table = RouteTable([
        ("GET", "/healthz"), ("GET", "/api/rooms/{roomId}"), ("POST", "/api/rooms"), ("DELETE", "/api/rooms/{roomId}"),
        ("GET", "/files/**"), ("GET", "/"),
    ])

    @Test(
        "A path has the methods of the routes that match it, and HEAD where GET is",
        arguments: [
            ("/healthz", ["GET", "HEAD"]), ("/healthz/", ["GET", "HEAD"]), ("//healthz", ["GET", "HEAD"]),
            ("/healthz/x", []), ("/api/rooms", ["POST"]), ("/api/rooms/7", ["DELETE", "GET", "HEAD"]), ("/api", []),
            ("/files/a/b", ["GET", "HEAD"]), ("/", ["GET", "HEAD"]), ("/nothing", []),
        ]
    )
    func methods(path: String, methods: [String]) {
        #expect(Self.table.methods(of: RoutePath(path)).sorted() == methods)
    }
}
