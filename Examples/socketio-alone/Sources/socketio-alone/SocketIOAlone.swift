import ParleySocketIO
import SocketIO

/// Says to everybody what anybody says.
@main
struct SocketIOAlone {
    static func main() async throws {
        let io = SocketIOServer()
        io.onConnection { socket in
            socket.on("say") { event in io.emit("said", arguments: event.arguments) }
        }
        let listener = try await SocketIOListener.start([io], host: "127.0.0.1", port: 0, eventLoops: 1)
        print("Listening on 127.0.0.1:\(listener.port)")
        await listener.shutDown()
    }
}
