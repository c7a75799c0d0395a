import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParleySocketIO
import Testing

@Suite("A port of a program's own servers")
struct SocketIORoutesTests {
    @Test("Each server is at its path, and nothing is anywhere else")
    func paths() async throws {
        var other = SocketIOConfiguration()
        other.path = "/other"
        let listener = try await SocketIOListener.start(
            [SocketIOServer(), SocketIOServer(other)],
            host: "127.0.0.1",
            port: 0,
            eventLoops: 1
        )
        let table: [(method: HTTPMethod, path: String, status: UInt, body: String)] = [
            (.GET, "/socket.io/?EIO=4&transport=polling", 200, "0{"),
            (.GET, "/other/?EIO=4&transport=polling", 200, "0{"),
            (.GET, "/other/?EIO=4&transport=pigeon", 400, "{\"code\":0"),
            (.GET, "/", 404, "Not found"),
            (.GET, "/others?EIO=4&transport=polling", 404, "Not found"),
            (.POST, "/api", 404, "Not found"),
            (.HEAD, "/", 404, ""),
        ]
        var answers: [(UInt, String)] = []
        for row in table {
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(listener.port)\(row.path)")
            request.method = row.method
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
            answers.append((answer.status.code, String(buffer: try await answer.body.collect(upTo: 4096))))
        }
        await listener.shutDown()
        for (row, answer) in zip(table, answers) {
            #expect(answer.0 == row.status && answer.1.hasPrefix(row.body), "\(row): \(answer)")
        }
    }

    @Test("A port that is taken is a sentence that says so")
    func taken() async throws {
        let listener = try await SocketIOListener.start([SocketIOServer()], host: "127.0.0.1", port: 0, eventLoops: 1)
        let failure = await #expect(throws: SocketIOListener.Failure.self) {
            try await SocketIOListener.start([SocketIOServer()], host: "127.0.0.1", port: listener.port, eventLoops: 1)
        }
        await listener.shutDown()
        #expect(failure?.description.contains("the port is taken") == true)
    }
}
