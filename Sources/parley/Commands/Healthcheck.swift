import ArgumentParser
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParleyClient

struct Healthcheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Ask a running server whether it is ready: exit status 0 if it is, 1 if not.",
        discussion: "For container health checks. Without --url, the front door on this machine as configured."
    )

    @Option(help: ArgumentHelp("Where the server is, for example http://127.0.0.1:8000.", valueName: "url"))
    var url: String?

    @Option(help: ArgumentHelp("YAML file with settings.", valueName: "file"))
    var config: String?

    @Option(help: "Seconds to wait for an answer.")
    var timeout = 3

    @OptionGroup var trust: ServerTrust

    func validate() throws {
        guard (1...3600).contains(self.timeout) else {
            throw ValidationError("--timeout is \(self.timeout): expected seconds from 1 to 3600.")
        }
    }

    func run() async throws {
        do {
            let address = try await self.address()
            let configuration = try self.trust.clientConfiguration()
            let status = try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                try await client.execute(HTTPClientRequest(url: address), timeout: .seconds(Int64(self.timeout))).status
            }
            guard status == .ok else {
                StandardError.sentence("\(address) answered \(status.code) \(status.reasonPhrase)")
                throw ExitCode.startFailure
            }
            StandardOutput.line("ready")
        } catch let exit as ExitCode {
            throw exit
        } catch let failure as ConfigurationFailure {
            throw failure.reported()
        } catch {
            let hint = TLSFailure.reason(error) == nil ? "" : ". " + RequestFailure.hint(error)
            StandardError.sentence("not ready: \(RequestFailure.reason(error))\(hint)")
            throw ExitCode.startFailure
        }
    }

    private func address() async throws -> String {
        if let url = self.url {
            try ServerTrust.check(url)
            return url.hasSuffix("/readyz") ? url : url + (url.hasSuffix("/") ? "readyz" : "/readyz")
        }
        let settings = try await Settings(flags: [], file: self.config)
        guard let port = try settings.port(.port) else {
            throw ConfigurationFailure(description: "PARLEY_PORT is off: say where the server is with --url.")
        }
        let scheme = try settings.text(.tlsCertificate) == nil ? "http" : "https"
        return "\(scheme)://\(HostName.local(try settings.address(.host), or: "127.0.0.1")):\(port)/readyz"
    }
}
