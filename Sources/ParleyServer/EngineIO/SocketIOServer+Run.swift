internal import Foundation
public import Logging
internal import ParleyModel
public import ParleySocketIO

extension SocketIOServer {
    /// Listens on a port and serves until the task is cancelled; then says goodbye to everybody.
    /// - Parameters:
    ///   - host: The address to bind; `nil`: all interfaces.
    ///   - eventLoops: 0: one per core.
    /// - Throws: ``ParleyServer/StartFailure`` when it cannot listen.
    public func run(host: String? = nil, port: Int, eventLoops: Int = 0) async throws {
        let running = try await ParleyServer.start([self], host: host, port: port, eventLoops: eventLoops)
        await running.runUntilCancelled()
    }
}

extension ParleyServer {
    /// Serves an application's Socket.IO and Engine.IO servers on one port, told apart by their paths.
    /// - Parameters:
    ///   - host: The address to bind; `nil`: all interfaces.
    ///   - port: 0: any free one; see ``addresses``.
    ///   - eventLoops: 0: one per core.
    /// - Throws: ``StartFailure``.
    public static func start(
        _ servers: [SocketIOServer],
        _ engines: [EngineIOServer] = [],
        host: String? = nil,
        port: Int,
        eventLoops: Int = 0,
        logger: Logger = Logger(label: "parley")
    ) async throws -> ParleyServer {
        var configuration = ServerConfiguration()
        configuration.listeners = [.init(.socketIO, port: port, setting: "port")]
        configuration.host = host
        configuration.eventLoops = eventLoops
        configuration.socketIOServers = servers
        configuration.engineIOServers = engines
        return try await Self.start(configuration, logger: logger)
    }

    /// Waits for the present task to be cancelled, then shuts down.
    public func runUntilCancelled() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        await withTaskCancellationHandler {
            for await _ in stream {}
        } onCancel: {
            continuation.finish()
        }
        await self.shutDown()
    }
}

extension WallTime {
    /// The system's clock.
    @Sendable static func now() -> WallTime {
        WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }
}
