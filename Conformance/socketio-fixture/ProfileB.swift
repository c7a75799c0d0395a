import ParleySocketIO
import SocketIO

/// Benchmarks.
extension FixtureSite {
    static func benchmark(_ base: SocketIOConfiguration) -> FixtureSite {
        let io = SocketIOServer(base)
        io.onConnection { socket in
            socket.on("join") { event in
                event.socket.join(event.arguments[0].string ?? "")
                event.socket.emit("joined")
            }
            socket.on("msg") { event in
                let socket = event.socket
                guard let room = socket.rooms.first(where: { $0 != socket.id }) else { return }
                socket.namespace.to(room).emit("msg", arguments: event.arguments)
            }
            socket.on("echo") { $0.socket.emit("echo", arguments: $0.arguments) }
        }
        return FixtureSite(servers: [io])
    }
}
