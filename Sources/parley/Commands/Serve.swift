import ArgumentParser
import Foundation
import Logging
internal import ParleyBackendsHTTP
internal import ParleyGateway
import ParleyServer
internal import ParleyTransport
import UnixSignals

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Start the server.",
        discussion: """
            Settings come from flags, environment variables, a .env file in the working directory and the file given by
            --config, in this order; `parley check-config` lists all of them. Session chat needs JWT_SECRET, the secret that
            signs its tokens; --dev makes one for this run, opens the relay to this machine and prints URLs and tokens to paste.

            When everything listens, stdout has one line 'Listening on *:PORT' for each listener. The first SIGTERM, SIGINT
            or SIGHUP says goodbye to clients and ends with 0; a second one ends at once.
            """
    )

    @Flag(help: "Try things: a secret for this run, an open relay, and ready-to-paste URLs and tokens.")
    var dev = false

    @OptionGroup var options: ServerOptions

    func run() async throws {
        do {
            let settings = self.options.settings(isDevelopment: self.dev)
            var plan = try await ServePlan(settings, isDevelopment: self.dev)
            let voice = try ServerVoice(settings)
            let logger = voice.logger
            for note in plan.notes { logger.notice("\(note)") }
            plan.server.logCounts = { voice.log.counts }
            let services = try GatewayBackends(settings, logger: logger)
            plan.server.gateway.sessions = services.sessions
            plan.server.gateway.chat = services.chat
            try plan.server.backends.openStore(settings)
            try plan.server.openHistories(settings)
            for warning in plan.warnings { logger.warning("\(warning)") }
            let openFiles = OpenFiles.raiseLimit(logger: logger)
            // Sessions that poll take no file, and are bounded all the same.
            if plan.server.maximumConnections == 0 { plan.server.maximumConnections = openFiles ?? 0 }
            let signals = await UnixSignalsSequence(trapping: Self.endingSignals)
            let server = try await ParleyServer.start(plan.server, logger: logger)
            try await self.announce(server, plan: plan, voice)
            await Self.serve(server, until: signals, idleTimeout: plan.processIdleTimeout, voice)
        } catch let failure as ConfigurationFailure {
            throw failure.reported()
        } catch let failure as StartFailure {
            throw ConfigurationFailure(mistakes: failure.reasons).reported()
        }
    }

    /// The first of these ends the server in good order. The terminal that went away is one; but whoever started us with
    /// SIGHUP ignored, as nohup does, wants us to stay.
    private static var endingSignals: [UnixSignal] {
        var hangUp = sigaction()
        sigaction(SIGHUP, nil, &hangUp)
        return hangUp.isIgnored ? [.sigterm, .sigint] : [.sigterm, .sigint, .sighup]
    }

    private func announce(_ server: ParleyServer, plan: ServePlan, _ voice: ServerVoice) async throws {
        if plan.server.sessionChat.authenticator != nil, plan.server.sessionChat.isIssuerEnabled, !self.dev {
            voice.logger.warning(
                "POST /api/login issues tokens to anybody. Set ISSUER_ENABLED=false when a backend of yours signs its own"
            )
        }
        for address in server.addresses {
            voice.line("Listening on \(plan.server.host.map(HostName.inURL) ?? "*"):\(address.port)")
        }
        if self.dev { voice.line(try await DevelopmentGuide(server: server, plan: plan).text) }
    }

    /// Until the first signal, or until there has been nothing to do for long enough.
    private static func serve(
        _ server: ParleyServer,
        until signals: UnixSignalsSequence,
        idleTimeout: Double?,
        _ voice: ServerVoice
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var isStopping = false
                for await signal in signals {
                    if isStopping { voice.exit(128 + signal.rawValue, within: 0.1) }
                    isStopping = true
                    voice.logger.info("Stopping: saying goodbye to clients", metadata: ["signal": "\(signal)"])
                    Task {
                        await server.shutDown()
                        voice.exit(0)
                    }
                }
            }
            if let idleTimeout {
                group.addTask {
                    await IdleWatch(server: server, timeout: idleTimeout).untilIdle()
                    voice.logger.info("Stopping: nothing to do for PROCESS_IDLE_TIMEOUT")
                    await server.shutDown()
                    voice.exit(0)
                }
            }
            await group.waitForAll()
        }
    }
}

/// Notices that a server has had no connection, no live room and no session backend for a while.
struct IdleWatch {
    let server: ParleyServer
    /// Seconds.
    let timeout: Double

    func untilIdle() async {
        let clock = ContinuousClock()
        var idleSince = clock.now
        while clock.now - idleSince < .seconds(self.timeout) {
            try? await Task.sleep(for: .milliseconds(100))
            let isBusy = self.server.connectionCount + self.server.liveRoomCount + self.server.liveBackendCount > 0
            if isBusy { idleSince = clock.now }
        }
    }
}

extension sigaction {
    fileprivate var isIgnored: Bool {
        #if os(Linux)
        let handler = self.__sigaction_handler.sa_handler
        #else
        let handler = self.__sigaction_u.__sa_handler
        #endif
        return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
