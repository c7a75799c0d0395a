import EngineIO
import Foundation
import NIOCore
import ParleySocketIO
import SocketIO

/// The suite of the JavaScript client.
extension FixtureSite {
    static func clientSuite(_ base: SocketIOConfiguration) -> FixtureSite {
        var configuration = base
        configuration.engine.pingInterval = .milliseconds(2000)
        configuration.recovery = .enabled()
        configuration.hooks.allowRequest = { _ in try await Task.sleep(for: .milliseconds(10)) }
        let io = SocketIOServer(configuration)
        io.use { socket in
            if socket.handshake.query["fail"] != nil { throw ConnectError("Auth failed (main namespace)") }
        }
        io.onConnection { socket in
            Self.addWords(to: socket)
            Self.addBinary(to: socket)
            Self.addIdentity(to: socket)
        }
        io.of("/foo").onConnection { socket in
            socket.on("getId") { $0.acknowledge($0.socket.id) }
        }
        io.of("/abc").onConnection { $0.emit("handshake", $0.handshake.value) }
        io.of("/no").use { _ in throw ConnectError("Auth failed (custom namespace)") }
        for name in ["/timeout_socket", "/valid", "/asd"] { _ = io.of(name) }
        return FixtureSite(servers: [io])
    }

    private static func date() -> String {
        Date().ISO8601Format(.iso8601WithTimeZone(includingFractionalSeconds: true))
            .replacingOccurrences(of: "+00:00", with: "Z")
    }

    private static func addWords(to socket: Socket) {
        socket.on("hi") { $0.socket.emit("hi") }
        socket.on("echo") { $0.acknowledge($0.arguments[0]) }
        socket.on("ack") { event in
            event.socket.emit("ack") { result in
                guard case .success(let answer) = result, answer.count == 2, answer[0] == 5,
                    answer[1] == ["test": true]
                else { return }
                event.socket.emit("got it")
            }
        }
        socket.on("getAckDate") { $0.acknowledge(Self.date()) }
        socket.on("getDate") { $0.socket.emit("takeDate", Self.date()) }
        socket.on("getDateObj") { $0.socket.emit("takeDateObj", ["date": Self.date()]) }
        socket.on("getUtf8") { event in
            for text in ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"] {
                event.socket.emit("takeUtf8", text)
            }
        }
        socket.on("false") { $0.socket.emit("false", false) }
    }

    private static let bytes = ByteBuffer(string: "asdfasdf")

    private static func addBinary(to socket: Socket) {
        socket.on("doge") { $0.socket.emit("doge", Self.bytes) }
        socket.on("getbin") { $0.socket.emit("takebin", Self.bytes) }
        socket.on("buffa") { event in
            if event.arguments[0].binary != nil { event.socket.emit("buffack") }
        }
        socket.on("jsonbuff") { event in
            if Self.isGreeting(event.arguments[0]) { event.socket.emit("jsonbuff-ack") }
        }
        socket.on("jsonblob") { event in
            if Self.isGreeting(event.arguments[0]) { event.socket.emit("jsonblob-ack") }
        }
        socket.on("blob") { $0.socket.emit("back", $0.arguments[0]) }
        Self.expect(["abuff1", "abuff2"], from: socket, answer: "abuff2-ack")
        Self.expect(["blob1", "blob2", "blob3"], from: socket, answer: "blob3-ack")
    }

    private static func isGreeting(_ value: SocketValue) -> Bool {
        value["hello"]?.string == "lol" && value["message"]?.binary != nil && value["goodbye"]?.string == "gotcha"
    }

    /// Answers when events have come in this order.
    private static func expect(_ names: [String], from socket: Socket, answer: String) {
        let key = answer
        for (index, name) in names.enumerated() {
            socket.on(name) { event in
                var data = event.socket.data.object ?? [:]
                guard (data[key]?.int ?? 0) == Int64(index) else { return }
                data[key] = .int(Int64(index + 1))
                event.socket.data = .object(data)
                if index == names.count - 1 { event.socket.emit(answer) }
            }
        }
    }

    private static func addIdentity(to socket: Socket) {
        socket.on("getHandshake") { $0.acknowledge($0.socket.handshake.value) }
        socket.on("getId") { $0.acknowledge($0.socket.id) }
    }
}
