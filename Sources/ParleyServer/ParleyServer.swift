public import Logging
internal import NIOCore
internal import NIOPosix
internal import ParleyBackendsHTTP
internal import ParleyGateway
internal import ParleyHub
internal import ParleyModel
internal import ParleySocketIO
public import ParleyTransport

/// A Parley server: binds its listeners, serves until it is told to stop, and then says goodbye to everybody.
///
/// One-shot: `start`, then `shutDown`. Everything between runs on the event loops.
public final class ParleyServer: Sendable {
    public typealias StartFailure = ParleyTransport.StartFailure

    /// A bound listener.
    public struct Address: Sendable {
        public let kind: ServerConfiguration.Listener.Kind
        public let port: Int
    }

    public let addresses: [Address]
    private let composition: ServerComposition
    private let group: MultiThreadedEventLoopGroup
    private let channels: [any Channel]
    private let logger: Logger

    private init(
        addresses: [Address],
        composition: ServerComposition,
        group: MultiThreadedEventLoopGroup,
        channels: [any Channel],
        logger: Logger
    ) {
        self.addresses = addresses
        self.composition = composition
        self.group = group
        self.channels = channels
        self.logger = logger
    }

    /// Binds every listener and begins to serve.
    /// - Throws: ``StartFailure``; nothing is left running then.
    public static func start(
        _ configuration: ServerConfiguration,
        logger: Logger = Logger(label: "parley")
    ) async throws -> ParleyServer {
        let loops = configuration.eventLoops > 0 ? configuration.eventLoops : System.coreCount
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        var channels: [any Channel] = []
        var composed: ServerComposition?
        do {
            let tls = try configuration.tls.map { try $0.makeContext() }
            let composition = try await ServerComposition(
                configuration,
                eventLoops: Array(group.makeIterator()),
                logger: logger
            )
            composed = composition
            do {
                try await composition.backends?.start()
            } catch let failure as StoreError {
                throw StartFailure(description: failure.description)
            }
            composition.gatewayServices?.purgeHourly(on: group.next(), logger: logger)
            var addresses: [Address] = []
            var failures: [String] = []
            for listener in configuration.listeners {
                let services = composition.services(for: listener.kind)
                let bootstrap = ListenerBootstrap(
                    group: group,
                    keepAlive: configuration.keepAlive,
                    acceptTrouble: composition.acceptTrouble
                ) {
                    try ConnectionSetup.addHandlers(to: $0, services: services, tls: tls)
                }
                do throws(StartFailure) {
                    let bound = try await bootstrap.bind(
                        listener.place,
                        at: configuration.bindsBothLoopbacks ? .bothLoopbacks : .host(configuration.host)
                    )
                    channels += bound
                    addresses.append(
                        Address(kind: listener.kind, port: bound.first?.localAddress?.port ?? listener.port)
                    )
                } catch {
                    failures += error.reasons
                }
            }
            if !failures.isEmpty { throw StartFailure(reasons: failures) }
            composition.backends?.services.listening(proxyPort: addresses.first { $0.kind == .backendsProxy }?.port)
            composition.state.startListening()
            return ParleyServer(
                addresses: addresses,
                composition: composition,
                group: group,
                channels: channels,
                logger: logger
            )
        } catch {
            for channel in channels { try? await channel.close() }
            // Its timers, its threads and what it has started.
            await composed?.backends?.shutDown()
            try? await group.shutdownGracefully()
            throw error
        }
    }

    /// How many connections are open at present.
    public var connectionCount: Int { self.composition.limits.current + self.composition.places.count }

    /// Makes an anonymous session of the event gateway.
    /// - Returns: Its token; `nil` when there is no gateway.
    /// - Throws: What the session store does.
    public func acquireGatewaySession() async throws -> String? {
        guard let services = self.composition.gatewayServices else { return nil }
        return try await services.acquireSession(metadata: [:]).token
    }

    /// How many rooms of session chat are live: with members, or with a retained history.
    public var liveRoomCount: Int { self.composition.roomLimit.liveCount }

    /// How many session backends have not ended.
    public var liveBackendCount: Int { self.composition.backends?.liveCount ?? 0 }

    /// Turns readiness off, tells every client goodbye in its dialect's code, waits for them up to the grace period, and stops.
    public func shutDown() async {
        self.composition.state.startDraining()
        // They are told to end while everybody else says goodbye.
        async let backends: Void? = self.composition.backends?.shutDown()
        await self.composition.hub.sayGoodbye(within: TimeAmount(self.composition.configuration.shutdownGrace)) {
            self.connectionCount
        }
        await backends
        await self.composition.gatewayServices?.sessions.flush()
        for channel in self.channels { try? await channel.close() }
        try? await self.group.shutdownGracefully()
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
