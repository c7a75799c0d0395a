import EngineIO
import NIOCore
import ParleyModel
import ParleySocketIO
import SocketIO
import Synchronization

/// Everything, on two ports with different options.
extension FixtureSite {
    enum Port { case first, second }

    static func everything(_ port: Port, _ base: SocketIOConfiguration) throws -> FixtureSite {
        let io = SocketIOServer(Self.configuration(port, base))
        let departures = Departures()
        for name in ["/", "/custom", "/mw"] {
            let namespace = io.of(name)
            if name == "/mw" { namespace.use { try await Self.checkAuth($0) } }
            namespace.onConnection { Self.addHandlers(to: $0, io, departures) }
        }
        let dynamic = try io.of(matching: "/dyn-[0-9]+")
        dynamic.onConnection { socket in
            Self.addHandlers(to: socket, io, departures)
            socket.emit("nsp", socket.namespace.name)
        }
        let predicated = io.of { name, auth in name.hasPrefix("/fn-") && auth["ok"]?.isTruthy == true }
        predicated.onConnection { Self.addHandlers(to: $0, io, departures) }
        return FixtureSite(servers: [io])
    }

    private static func configuration(_ port: Port, _ base: SocketIOConfiguration) -> SocketIOConfiguration {
        var configuration = base
        switch port {
        case .first:
            configuration.engine.maximumPayloadBytes = 10_000
            configuration.connectTimeout = .milliseconds(1000)
            configuration.engine.allowsRevision3 = true
            configuration.cookie = SessionCookie()
            configuration.cleansUpEmptyChildNamespaces = true
            configuration.cors = CORSPolicy(.fixed("http://allowed.example"), allowsCredentials: true)
            configuration.hooks.allowRequest = { request in
                if let text = request.header("x-deny") { throw RequestRefused(text) }
            }
        case .second:
            configuration.engine.pingInterval = .milliseconds(400)
            configuration.engine.pingTimeout = .milliseconds(300)
            configuration.engine.upgradeTimeout = .milliseconds(500)
            configuration.recovery = .enabled()
        }
        return configuration
    }

    private static func checkAuth(_ socket: Socket) async throws {
        let auth = socket.handshake.auth
        if let delay = auth["delay"]?.double, delay > 0 { try await Task.sleep(for: .milliseconds(Int(delay))) }
        guard auth["fail"]?.isTruthy == true else { return }
        throw ConnectError(auth["message"]?.string ?? "nope", data: auth["data"])
    }

    private static func addHandlers(to socket: Socket, _ io: SocketIOServer, _ departures: Departures) {
        socket.join(strings(socket.handshake.auth["join"]))
        socket.use { event in
            if event.name == "blocked" { throw Blocked() }
        }
        departures.watch(socket)
        Self.addEchoes(to: socket)
        Self.addRooms(to: socket)
        Self.addBroadcasts(to: socket)
        Self.addControl(to: socket)
        socket.on("reason-of") { event in
            event.acknowledge(departures[event.arguments[0].string ?? ""] ?? .null)
        }
        socket.on("ns-exists") { event in
            event.acknowledge(io.hasNamespace(event.arguments[0].string ?? ""))
        }
    }

    private static func addEchoes(to socket: Socket) {
        socket.on("echo") { $0.acknowledge(arguments: $0.arguments) }
        socket.on("back") { $0.socket.emit("back", arguments: $0.arguments) }
        socket.on("many") { event in
            for index in 0..<max(0, event.arguments[0].int ?? 0) { event.socket.emit("n", index) }
        }
        socket.on("burst") { event in
            let room = event.socket.namespace.to(event.arguments[0].string ?? "")
            let text = String(repeating: "x", count: max(0, event.arguments[2].int ?? 0))
            for index in 0..<max(0, event.arguments[1].int ?? 0) { room.emit("burst", index, text) }
            event.acknowledge()
        }
        socket.on("emit-timeout") { event in
            let socket = event.socket
            do {
                let answer = try await socket.timeout(milliseconds(event.arguments[0])).emitWithAck(
                    event.arguments[1].string ?? ""
                )
                event.acknowledge(["err": SocketValue.null, "value": answer[0]])
            } catch {
                event.acknowledge(["err": "\(error)", "value": SocketValue.null])
            }
        }
    }

    private static func addRooms(to socket: Socket) {
        socket.on("join") { event in
            event.socket.join(strings(event.arguments[0]))
            event.acknowledge()
        }
        socket.on("leave") { event in
            event.socket.leave(strings(event.arguments[0]))
            event.acknowledge()
        }
        socket.on("rooms") { event in
            event.acknowledge(event.socket.rooms.subtracting([event.socket.id]).sorted())
        }
        socket.on("set-data") { event in
            event.socket.data = event.arguments[0]
            event.acknowledge()
        }
        socket.on("info") { event in
            let socket = event.socket
            var info = socket.handshake.value.object ?? [:]
            info["id"] = .string(socket.id)
            info["nsp"] = .string(socket.namespace.name)
            info["recovered"] = .bool(socket.isRecovered)
            info["transport"] = .string(await socket.transport().rawValue)
            event.acknowledge(info)
        }
    }

    private static func addBroadcasts(to socket: Socket) {
        socket.on("bcast") { event in
            Self.selection(event.arguments[0], of: event.socket).emit(
                event.arguments[1].string ?? "",
                arguments: SocketArguments(Array(event.arguments.values.dropFirst(2)))
            )
            event.acknowledge()
        }
        socket.on("bcast-ack") { event in
            let selection = Self.selection(event.arguments[0], of: event.socket)
                .timeout(milliseconds(event.arguments[1]))
            do {
                let responses = try await selection.emitWithAck(event.arguments[2].string ?? "")
                event.acknowledge(["err": SocketValue.null, "responses": .array(responses)])
            } catch let error as BroadcastTimeout {
                event.acknowledge(["err": .string("\(error)"), "responses": SocketValue.array(error.responses)])
            } catch {
                event.acknowledge(["err": .string("\(error)"), "responses": SocketValue.array([])])
            }
        }
    }

    private static func selection(_ options: SocketValue, of socket: Socket) -> BroadcastOperator {
        var selection = options["via"]?.string == "socket" ? socket.broadcast : socket.namespace.everybody
        selection = selection.to(strings(options["rooms"])).except(strings(options["except"]))
        if options["volatile"]?.isTruthy == true { selection = selection.volatile }
        if options["local"]?.isTruthy == true { selection = selection.local }
        return selection
    }

    private static func addControl(to socket: Socket) {
        socket.on("kick") { $0.socket.disconnect(close: $0.arguments[0].isTruthy) }
        socket.on("fetch") { event in
            let sockets = try? await event.socket.namespace.in(event.arguments[0].string ?? "").fetchSockets()
            let list = (sockets ?? []).sorted { $0.id < $1.id }.map { socket in
                [
                    "id": .string(socket.id), "rooms": .array(socket.rooms.sorted().map { .string($0) }),
                    "data": socket.data,
                ] as SocketValue
            }
            event.acknowledge(list)
        }
        socket.on("ctl") { event in
            let room = event.socket.namespace.in(event.arguments[1].string ?? "")
            let argument = event.arguments[2]
            switch event.arguments[0].string {
            case "join": try? await room.socketsJoin(strings(argument))
            case "leave": try? await room.socketsLeave(strings(argument))
            case "disconnect": try? await room.disconnectSockets(close: argument.isTruthy)
            default: break
            }
            event.acknowledge()
        }
    }
}

private struct Blocked: Error {}

/// A string, or a list of them.
private func strings(_ value: SocketValue?) -> [String] {
    guard let value else { return [] }
    if let one = value.string { return [one] }
    return (value.array ?? []).compactMap(\.string)
}

private func milliseconds(_ value: SocketValue) -> TimeAmount { .milliseconds(Int64(value.double ?? 0)) }

extension SocketValue {
    /// As JavaScript sees it.
    fileprivate var isTruthy: Bool {
        if let bool = self.bool { return bool }
        if let number = self.double { return number != 0 }
        if let string = self.string { return !string.isEmpty }
        return !self.isNull
    }
}

/// How sockets went.
private final class Departures: Sendable {
    private struct Departure {
        var rooms: [String]
        var reason: String
    }

    private let gone = Mutex<[String: Departure]>([:])

    func watch(_ socket: Socket) {
        let id = socket.id
        socket.onDisconnecting { reason in
            let rooms = socket.rooms.subtracting([id]).sorted()
            self.gone.withLock { $0[id] = Departure(rooms: rooms, reason: "pending:\(reason.rawValue)") }
        }
        socket.onDisconnect { reason in
            self.gone.withLock { $0[id]?.reason = reason.rawValue }
        }
    }

    subscript(id: String) -> SocketValue? {
        self.gone.withLock { $0[id] }.map {
            ["rooms": .array($0.rooms.map { .string($0) }), "reason": .string($0.reason)]
        }
    }
}
