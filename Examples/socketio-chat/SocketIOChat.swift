import Foundation
import ParleySocketIO
import SocketIO

/// A chat server for Socket.IO clients: rooms, names, typing hints, acknowledgements.
@main
struct SocketIOChat {
    static func main() async throws {
        let io = SocketIOServer()
        io.use { socket in
            guard let name = socket.handshake.auth["name"]?.string, !name.isEmpty else {
                throw ConnectError("a name is required")
            }
            socket.data = ["name": .string(name)]
        }
        io.onConnection { socket in
            let name = socket.data["name"]?.string ?? ""
            socket.join("lobby")
            socket.to("lobby").emit("joined", name)
            socket.on("say") { event in
                io.to("lobby").emit("said", name, event.arguments[0])
                event.acknowledge("delivered")
            }
            socket.on("typing") { _ in socket.volatile(to: "lobby", "typing", name) }
            socket.onDisconnect { _ in io.to("lobby").emit("left", name) }
        }
        let port = ProcessInfo.processInfo.environment["PORT"].flatMap { Int($0) } ?? 3000
        do {
            let listener = try await SocketIOListener.start([io], port: port)
            print("Listening on *:\(port)")
            fflush(nil)  // a pipe would wait for more
            await listener.runUntilCancelled()
        } catch let failure as SocketIOListener.Failure {
            print(failure)
            exit(1)
        }
    }
}

extension Socket {
    /// Tells the others in a room what may as well be lost.
    fileprivate func volatile(to room: String, _ event: String, _ name: String) {
        self.to(room).volatile.emit(event, name)
    }
}
