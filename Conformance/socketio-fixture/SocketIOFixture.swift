import ArgumentParser
import Foundation
import Logging
import NIOCore
import ParleySocketIO
import SocketIO
import UnixSignals

/// A server for conformance suites and benchmarks: the namespaces and handlers that they expect, made with the public interface
/// of ParleySocketIO alone.
@main
struct SocketIOFixture: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "socketio-fixture",
        abstract: "Serves one profile of handlers for Socket.IO conformance suites.",
        discussion: """
            P: the public protocol suites. C: the JavaScript client's suite. X: everything, on two ports. B: benchmarks.
            Prints a line 'Listening on ADDRESS:PORT' for each port when it is ready. SIGUSR1 has it print what it holds, as JSON;
            SIGTERM ends it.
            """
    )

    @Option(help: "P, C, X or B.")
    var profile: Profile

    @Option(help: "The port; profile X uses the next one, too. 0: any free port, and any free other one.")
    var port = 3300

    @Option(help: "The address to bind.")
    var host = "127.0.0.1"

    @Flag(help: "Speak the msgpack parser's packets.")
    var msgpack = false

    @Flag(help: "Accept permessage-deflate.")
    var compress = false

    @Option(help: "Event loops; 0: one per core.")
    var loops = 0

    enum Profile: String, ExpressibleByArgument, CaseIterable {
        case P, C, X, B

        init?(argument: String) { self.init(rawValue: argument.uppercased()) }
    }

    func run() async throws {
        var files = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
        files.rlim_cur = files.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)

        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sigusr1)
        let sites = try self.sites()
        var servers: [SocketIOListener] = []
        for (index, site) in sites.enumerated() {
            let server = try await SocketIOListener.start(
                site.servers,
                site.engines,
                host: self.host,
                port: self.port == 0 ? 0 : self.port + index,
                eventLoops: self.loops
            )
            servers.append(server)
        }
        for server in servers { print("Listening on \(self.host):\(server.port)") }
        fflush(nil)
        for await signal in signals {
            guard signal == .sigusr1 else { break }
            try await self.printCensus(sites, servers)
        }
        for server in servers { await server.shutDown() }
    }

    /// What the flags say of every profile.
    private var base: SocketIOConfiguration {
        var configuration = SocketIOConfiguration()
        if self.msgpack { configuration.parser = .messagePack }
        configuration.compressesWebSocket = self.compress
        return configuration
    }

    private func sites() throws -> [FixtureSite] {
        switch self.profile {
        case .P: return [FixtureSite.protocolSuites(self.base)]
        case .C: return [FixtureSite.clientSuite(self.base)]
        case .X:
            return [try FixtureSite.everything(.first, self.base), try FixtureSite.everything(.second, self.base)]
        case .B: return [FixtureSite.benchmark(self.base)]
        }
    }

    private func printCensus(_ sites: [FixtureSite], _ servers: [SocketIOListener]) async throws {
        var total = SocketIOServer.Census()
        for server in sites.flatMap(\.servers) {
            let census = try await server.census()
            total.sessions += census.sessions
            total.sockets += census.sockets
            total.heldPolls += census.heldPolls
        }
        let connections = servers.reduce(0) { $0 + $1.connectionCount }
        print(
            "{\"sessions\":\(total.sessions),\"sockets\":\(total.sockets),\"connections\":\(connections),"
                + "\"pendingPolls\":\(total.heldPolls)}"
        )
        fflush(nil)
    }
}

/// What stands on one port.
struct FixtureSite: Sendable {
    var servers: [SocketIOServer] = []
    var engines: [EngineIOServer] = []
}
