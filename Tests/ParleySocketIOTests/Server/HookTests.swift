import AsyncHTTPClient
import EngineIO
import Foundation
import NIOCore
import NIOHTTP1
import ParleySocketIO
import Synchronization
import Testing

@Suite("What an application says about requests")
struct HookTests {
    private struct Refused: Error {}

    /// Runs `body` with the address of a server.
    private static func withServer(
        _ change: (inout SocketIOConfiguration) -> Void,
        _ body: (String) async throws -> Void
    ) async throws {
        var configuration = SocketIOConfiguration()
        change(&configuration)
        let server = try await SocketIOListener.start(
            [SocketIOServer(configuration)],
            host: "127.0.0.1",
            port: 0,
            eventLoops: 1
        )
        let result: Result<Void, any Error>
        do {
            result = .success(try await body("http://127.0.0.1:\(server.port)"))
        } catch {
            result = .failure(error)
        }
        await server.shutDown()
        try result.get()
    }

    private static func get(_ url: String, _ headers: [(String, String)] = []) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        return try await HTTPClient.shared.execute(request, timeout: .seconds(10))
    }

    private static func text(_ response: HTTPClientResponse) async throws -> String {
        String(buffer: try await response.body.collect(upTo: 1 << 20))
    }

    private static let open = "/socket.io/?EIO=4&transport=polling"

    @Test("A request middleware that throws has the request refused with code 3, and the operator is told")
    func middleware() async throws {
        let errors = Mutex<[Int]>([])
        try await Self.withServer {
            $0.hooks.requestMiddlewares = [{ request in if request.query["bad"] != nil { throw Refused() } }]
            $0.hooks.connectionError = { error in errors.withLock { $0.append(error.code) } }
        } _: { url in
            let refused = try await Self.get(url + Self.open + "&bad=1")
            #expect(refused.status == .badRequest)
            let found1 = try await Self.text(refused)
            #expect(found1 == #"{"code":3,"message":"Bad request"}"#)
            let found2 = try await Self.get(url + Self.open).status
            #expect(found2 == .ok)
        }
        #expect(errors.withLock { $0 } == [3])
    }

    @Test("A policy refuses with 403, in words of its own if it has any")
    func policy() async throws {
        try await Self.withServer {
            $0.hooks.allowRequest = { request in
                if let words = request.header("x-deny") { throw RequestRefused(words) }
                if request.query["no"] != nil { throw Refused() }
            }
        } _: { url in
            let own = try await Self.get(url + Self.open, [("X-Deny", "not you")])
            #expect(own.status == .forbidden)
            let found3 = try await Self.text(own)
            #expect(found3 == #"{"code":4,"message":"not you"}"#)
            let plain = try await Self.get(url + Self.open + "&no=1")
            let found4 = try await Self.text(plain)
            #expect(found4 == #"{"code":4,"message":"Forbidden"}"#)
            // The policy has the word before the revision.
            let found5 = try await Self.get(url + "/socket.io/?EIO=3&transport=polling&no=1").status
            #expect(found5 == .forbidden)
            let found6 = try await Self.get(url + "/socket.io/?EIO=3&transport=polling").status
            #expect(found6 == .badRequest)
        }
    }

    @Test("An application may make the ids of sessions; one that fails to is code 3")
    func sessionID() async throws {
        try await Self.withServer {
            $0.hooks.makeSessionID = { request in
                guard let id = request.query["id"] else { throw Refused() }
                return id
            }
            // However slow the machine is, the session must be there still.
            $0.engine.firstPollTimeout = .minutes(1)
        } _: { url in
            let mine = try await Self.text(Self.get(url + Self.open + "&id=mine"))
            #expect(mine.contains(#""sid":"mine""#))
            let none = try await Self.text(Self.get(url + Self.open))
            #expect(none == #"{"code":3,"message":"Bad request"}"#)
            // An id that is taken is no session, and leaves the one that has it alone.
            let taken = try await Self.get(url + Self.open + "&id=mine").status
            #expect(taken == .badRequest)
            let still = try await Self.post(url + Self.open + "&sid=mine", "40").status
            #expect(still == .ok)
        }
    }

    private static func post(_ url: String, _ body: String) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.body = .bytes(ByteBuffer(string: body))
        return try await HTTPClient.shared.execute(request, timeout: .seconds(10))
    }

    @Test("Headers are added to the first answer, or to every one")
    func headers() async throws {
        try await Self.withServer {
            $0.hooks.initialHeaders = { _ in [("X-First", "yes")] }
            $0.hooks.headers = { _ in [("X-Every", "yes")] }
            $0.hooks.makeSessionID = { _ in "mine" }
        } _: { url in
            let first = try await Self.get(url + Self.open)
            #expect(first.headers["X-First"] == ["yes"])
            #expect(first.headers["X-Every"] == ["yes"])
            let second = try await Self.post(url + Self.open + "&sid=mine", "40")
            #expect(second.headers["X-First"].isEmpty)
            #expect(second.headers["X-Every"] == ["yes"])
        }
    }

    @Test("Only listed origins may connect, and clients that name none")
    func origins() async throws {
        try await Self.withServer {
            $0.allowedOrigins = ["http://good.example"]
        } _: { url in
            let found7 = try await Self.get(url + Self.open).status
            #expect(found7 == .ok)
            let found8 = try await Self.get(url + Self.open, [("Origin", "http://good.example")]).status
            #expect(found8 == .ok)
            let found9 = try await Self.get(url + Self.open, [("Origin", "http://bad.example")]).status
            #expect(found9 == .forbidden)
        }
    }

    @Test("A server is where its path says, with the slash behind it or without", arguments: [true, false])
    func path(_ addsTrailingSlash: Bool) async throws {
        try await Self.withServer {
            $0.path = "/realtime"
            $0.addsTrailingSlash = addsTrailingSlash
        } _: { url in
            let query = "?EIO=4&transport=polling"
            let found10 = try await Self.get(url + "/realtime/" + query).status
            #expect(found10 == .ok)
            let found11 = try await Self.get(url + "/realtime/what/ever" + query).status
            #expect(found11 == .ok)
            let found12 = try await Self.get(url + "/realtime" + query).status
            #expect(found12 == (addsTrailingSlash ? .notFound : .ok))
            let found13 = try await Self.get(url + "/realtimex/" + query).status
            #expect(found13 == .notFound)
            let found14 = try await Self.get(url + "/socket.io/" + query).status
            #expect(found14 == .notFound)
        }
    }

    @Test("The client's bundles are served from a directory, and nothing else of it")
    func bundles() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "bundles-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let bundle = "/* Socket.IO v4.8.1 */" + (0..<500).map { "line \($0 * 7919);" }.joined()
        try Data(bundle.utf8).write(to: directory.appending(path: "socket.io.min.js"))
        try Data("secret".utf8).write(to: directory.appending(path: "secret.js"))
        try await Self.withServer {
            $0.clientDirectory = directory.path
        } _: { url in
            let file = try await Self.get(url + "/socket.io/socket.io.min.js")
            #expect(file.headers["ETag"] == ["\"4.8.1\""])
            #expect(file.headers["Cache-Control"] == ["public, max-age=0"])
            let found15 = try await Self.text(file)
            #expect(found15 == bundle)
            let known = try await Self.get(url + "/socket.io/socket.io.min.js", [("If-None-Match", "W/\"4.8.1\"")])
            #expect(known.status == .notModified)
            let small = try await Self.get(url + "/socket.io/socket.io.min.js", [("Accept-Encoding", "br, gzip")])
            #expect(small.headers["Content-Encoding"] == ["gzip"])
            #expect(small.headers["Content-Length"].first.flatMap { Int($0) } ?? .max < bundle.utf8.count)
            let found16 = try await Self.get(url + "/socket.io/secret.js").status
            #expect(found16 == .badRequest)
            let found17 = try await Self.get(url + "/socket.io/../secret.js").status
            #expect(found17 != .ok)
        }
    }
}
