import ArgumentParser
import Foundation

@main
struct Parley: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "parley",
        abstract: "A realtime session server: chats, rooms, channels and relays behind one port.",
        discussion: """
            Try it:
              parley serve --dev                          start with a secret made for this run, and print URLs to try
              parley connect ws://localhost:8000/relay/hello   talk on a topic from this terminal

            For real:
              JWT_SECRET=… parley serve                   session chat needs the secret that signs its tokens
              parley check-config                         see which settings are in force, and where each comes from
            """,
        version: Self.version,
        subcommands: [
            Serve.self, Connect.self, Token.self, BackendsCommand.self, CheckConfig.self, Healthcheck.self,
            Version.self,
        ]
    )
}

extension Parley {
    /// Exit codes of the command line: 0 clean, 1 configuration or start failure, 2 usage.
    static func main() async {
        StandardStreams.secure()
        do {
            var command = try Self.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let code as ExitCode {
            Foundation.exit(code.rawValue)
        } catch {
            let isUsage = Self.exitCode(for: error) == .validationFailure
            guard isUsage else { Self.exit(withError: error) }
            StandardError.line(Self.fullMessage(for: error))
            Foundation.exit(2)
        }
    }
}
