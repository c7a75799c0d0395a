import EngineIO
import NIOCore
import ParleyModel
import ParleySocketIO

/// The public suites of the two protocols (`socketio/engine.io-protocol`, `socketio/socket.io-protocol`).
extension FixtureSite {
    static func protocolSuites(_ base: SocketIOConfiguration) -> FixtureSite {
        var configuration = base
        configuration.engine.pingInterval = .milliseconds(300)
        configuration.engine.pingTimeout = .milliseconds(200)
        configuration.connectTimeout = .milliseconds(1000)
        configuration.cors = CORSPolicy(.any)

        var engineConfiguration = configuration
        engineConfiguration.path = "/engine.io"
        let engine = EngineIOServer(engineConfiguration) { session in
            session.onMessage { session.send($0) }
        }

        let io = SocketIOServer(configuration)
        io.onConnection { socket in
            socket.emit("auth", socket.handshake.auth)
            socket.on("message") { event in
                event.socket.emit("message-back", arguments: event.arguments)
            }
            socket.on("message-with-ack") { event in
                event.acknowledge(arguments: event.arguments)
            }
        }
        io.of("/custom").onConnection { $0.emit("auth", $0.handshake.auth) }
        return FixtureSite(servers: [io], engines: [engine])
    }
}
