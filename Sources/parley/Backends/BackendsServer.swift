import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
internal import ParleyBackendsHTTP
import ParleyModel
import ParleyText

/// Which server is meant, and how it is spoken to.
struct BackendsServer: ParsableArguments {
    @Option(help: ArgumentHelp("Where the API is. (default: BACKENDS_API_PORT on this machine)", valueName: "url"))
    var url: String?

    @Option(
        help: ArgumentHelp(
            "Bearer token. (default: PARLEY_TOKEN or PARLEY_TOKEN_FILE, else BACKENDS_CTRL_TOKEN)",
            valueName: "token"
        )
    )
    var token: String?

    @Option(
        help: ArgumentHelp("Speak for this account, with its token, instead of for the operator.", valueName: "name")
    )
    var account: String?

    @Option(help: ArgumentHelp("YAML file with settings.", valueName: "file"))
    var config: String?

    @OptionGroup var trust: ServerTrust

    /// - Parameter body: What goes wrong in it is said on stderr, and ends the program with 1.
    func use(_ body: (BackendsAPIClient) async throws -> Void) async throws {
        do {
            let settings = try await Settings(flags: [], file: self.config)
            let token = try self.token(settings)
            let base = try self.base(settings)
            var configuration = try self.trust.clientConfiguration()
            // Who asks wants to hear at once that nobody is there.
            configuration.connectionPool.retryConnectionEstablishment = false
            try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                try await body(BackendsAPIClient(base: base, token: token, account: self.account, client: client))
            }
        } catch let failure as BackendsAPIClient.Failure {
            StandardError.sentence("\(failure)")
            throw ExitCode.startFailure
        } catch let failure as ConfigurationFailure {
            throw failure.reported()
        }
    }

    /// The operator's own goes to the server of the same settings alone.
    private func token(_ settings: Settings) throws -> String? {
        if let token = try self.givenToken() { return token }
        return self.url == nil && self.account == nil ? try settings.text(.backendsControlToken) : nil
    }

    private func givenToken() throws -> String? {
        let environment = ProcessInfo.processInfo.environment
        let given: (text: String, source: String)
        if let token = self.token {
            given = (token, "--token")
        } else if let token = environment["PARLEY_TOKEN"], !Settings.trimmed(token).isEmpty {
            given = (token, "PARLEY_TOKEN")
        } else if let path = environment["PARLEY_TOKEN_FILE"].map(Settings.trimmed), !path.isEmpty {
            do throws(FileContents.Unreadable) {
                given = (try SecretFiles.contents(of: path), "PARLEY_TOKEN_FILE")
            } catch {
                throw ConfigurationFailure(
                    description: "PARLEY_TOKEN_FILE is '\(path)', from the environment: \(error.reason). "
                        + "Expected a file with the token and nothing else."
                )
            }
        } else {
            return nil
        }
        let token = Settings.trimmed(given.text)
        // It goes into a header field (RFC 6750 §2.1).
        guard !token.isEmpty, token.utf8.allSatisfy({ 0x20 < $0 && $0 < 0x7F }) else {
            throw ConfigurationFailure(
                description: "\(given.source) has no token: expected printable ASCII without spaces between."
            )
        }
        return token
    }

    private func base(_ settings: Settings) throws -> String {
        if let url = self.url { try ServerTrust.check(url) }
        if let url = self.url { return url.hasSuffix("/") ? String(url.dropLast()) : url }
        guard let port = try settings.port(.backendsAPIPort) else {
            throw ConfigurationFailure(description: "BACKENDS_API_PORT is off: say where the API is with --url.")
        }
        let scheme = try settings.text(.tlsCertificate) == nil ? "http" : "https"
        return "\(scheme)://\(HostName.local(try settings.address(.host), or: "127.0.0.1")):\(port)"
    }

    /// A part of a path, whatever somebody has typed.
    static func path(_ text: String) -> String {
        PercentEncoding.encode(text)
    }
}

/// The API of session backends.
struct BackendsAPIClient: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Backend: Decodable {
        let id: String
        let createdAt: String
        let serviceName: String
        let accountName: String
        let status: Status?
        let key: String?

        /// A word for operators, a whole state for accounts.
        enum Status: Decodable {
            case word(String)
            case state(State)

            struct State: Decodable {
                let status: String
            }

            init(from decoder: any Decoder) throws {
                if let word = try? decoder.singleValueContainer().decode(String.self) {
                    self = .word(word)
                } else {
                    self = .state(try State(from: decoder))
                }
            }

            var text: String {
                switch self {
                case .word(let word): word
                case .state(let state): state.status
                }
            }
        }
    }

    struct Node: Decodable {
        let name: String
        /// Whether it was taking backends before.
        let updated: Bool
    }

    private struct BackendList: Decodable {
        let backends: [Backend]?
        let runningBackends: [Backend]?
    }

    private struct NodeList: Decodable {
        let nodes: [Node]
    }

    private struct Refusal: Decodable {
        struct Error: Decodable {
            let message: String
        }

        let error: Error?
        let message: String?
    }

    private static let maximumAnswerBytes = 16 << 20

    let base: String
    let token: String?
    /// `nil`: the operator, to whom all belong.
    let account: String?
    let client: HTTPClient

    func backends() async throws -> [Backend] {
        let path = self.account.map { "/v2/account/\(BackendsServer.path($0))/backends" } ?? "/ctrl/b"
        let list = try Self.decode(BackendList.self, try await self.get(path))
        return list.backends ?? list.runningBackends ?? []
    }

    /// Where a backend is described.
    func path(of id: String) -> String {
        "\(self.account == nil ? "/ctrl/b" : "/v2/backend")/\(BackendsServer.path(id))"
    }

    func terminate(_ id: String, isHard: Bool) async throws {
        if self.account == nil {
            _ = try await self.post(self.path(of: id) + "/\(isHard ? "hard" : "soft")-terminate", "{}")
        } else {
            _ = try await self.post(self.path(of: id) + "/terminate", "{\"hard\":\(isHard)}")
        }
    }

    /// - Parameter isDraining: `false`: takes it back.
    func drain(_ isDraining: Bool = true) async throws -> [Node] {
        let name = isDraining ? "drain" : "undrain"
        guard self.account == nil else { throw Failure(description: "\(name) is for operators: leave --account out.") }
        return try Self.decode(NodeList.self, try await self.post("/ctrl/\(name)", "{}")).nodes
    }

    func get(_ path: String) async throws -> String { try await self.answer(try await self.send(.GET, path, nil)) }

    func post(_ path: String, _ body: String) async throws -> String {
        try await self.answer(try await self.send(.POST, path, body))
    }

    /// The data of each event, until the stream ends.
    func stream(_ path: String, _ event: (String) -> Void) async throws {
        let response = try await self.send(.GET, path, nil)
        guard response.status == .ok else {
            _ = try await self.answer(response)
            return
        }
        var events = ServerSentEvents()
        for try await piece in response.body {
            do throws(ServerSentEvents.Failure) {
                for received in try events.receive(piece.readableBytesView) { event(received.data) }
            } catch {
                throw Failure(
                    description: "the answer has an event of more than \(error.limit) bytes, which is none of this API."
                )
            }
        }
    }

    private func send(_ method: HTTPMethod, _ path: String, _ body: String?) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: self.base + path)
        request.method = method
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        do {
            return try await self.client.execute(request, timeout: .seconds(30))
        } catch {
            throw Failure(
                description:
                    "\(self.base) \(RequestFailure.verb(error)): \(RequestFailure.reason(error)). \(RequestFailure.hint(error)) See --url."
            )
        }
    }

    private func answer(_ response: HTTPClientResponse) async throws -> String {
        let body = String(buffer: try await response.body.collect(upTo: Self.maximumAnswerBytes))
        guard (200..<300).contains(response.status.code) else {
            let refusal = try? JSONDecoder().decode(Refusal.self, from: Data(body.utf8))
            let reason = refusal?.error?.message ?? refusal?.message ?? body
            let hint = response.status == .unauthorized ? " \(self.tokenHint)" : ""
            throw Failure(description: "\(response.status.code): \(reason).\(hint)")
        }
        return body
    }

    private var tokenHint: String {
        guard let account else {
            return "Give the server's BACKENDS_CTRL_TOKEN as --token, or --account with a token of that account."
        }
        return "Give a token of the account \(account) as --token."
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(type, from: Data(text.utf8))
        } catch {
            throw Failure(description: "the answer is none of this API: \(text.prefix(200))")
        }
    }
}
