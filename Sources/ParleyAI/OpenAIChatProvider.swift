package import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
package import ParleyDialects
internal import ParleyModel
internal import ParleyText

/// Asks an endpoint with OpenAI's chat completions, and passes its answer on as it comes.
///
/// Whoever makes one shuts it down.
package final class OpenAIChatProvider: ChatProvider {
    /// Of one answer, in bytes of UTF-8; what is longer ends with an error.
    package static let maximumAnswerBytes = 256 * 1024
    /// Of everything that is sent for one answer, what keeps connections alive and thoughts of the model included.
    package static let maximumBodyBytes = 64 << 20
    /// How long an answer may take, from its head to its end.
    package static let maximumDuration = Duration.seconds(600)

    private let endpoint: ChatEndpoint
    private let apiKey: String?
    private let model: String?
    private let client: HTTPClient
    private let maximumDuration: Duration

    /// How this provider wants its client: 10 s for a connection, 60 s between bytes, no redirects, as they would carry the
    /// conversation to somebody else.
    package static var clientConfiguration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: HTTPClient.Configuration.Timeout(connect: .seconds(10), read: .seconds(60))
        )
        // Who waits for an answer would rather hear at once that there is none.
        configuration.connectionPool.retryConnectionEstablishment = false
        // An endpoint without HTTP/2 needs a connection for each answer that is on its way.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        return configuration
    }

    /// - Parameters:
    ///   - baseURL: `https://host/v1`, or the whole `https://host/v1/chat/completions`: the setting AI_API_URL.
    ///   - apiKey: Sent as a bearer token; `nil`: none is sent.
    ///   - model: `nil`: none is named, and the endpoint has one.
    ///   - client: Configured like ``clientConfiguration``; shut down by ``shutdown()``.
    /// - Throws: ``ChatProviderError`` with `invalidURL` or `invalidKey`.
    package convenience init(
        baseURL: String,
        apiKey: String?,
        model: String?,
        client: HTTPClient? = nil
    ) throws {
        try self.init(
            baseURL: baseURL,
            apiKey: apiKey,
            model: model,
            client: client,
            maximumDuration: Self.maximumDuration
        )
    }

    /// - Parameter maximumDuration: Another one than ``maximumDuration``, for tests.
    init(
        baseURL: String,
        apiKey: String?,
        model: String?,
        client: HTTPClient?,
        maximumDuration: Duration
    ) throws {
        self.endpoint = try ChatEndpoint(setting: baseURL)
        self.maximumDuration = maximumDuration
        self.apiKey = try apiKey.map(Self.checkedKey)
        self.model = model
        self.client =
            client ?? HTTPClient(eventLoopGroupProvider: .singleton, configuration: Self.clientConfiguration)
    }

    /// Says what is wrong with an endpoint or a key, without opening anything.
    /// - Throws: ``ChatProviderError``, as the initializer does.
    package static func check(baseURL: String, apiKey: String?) throws {
        _ = try ChatEndpoint(setting: baseURL)
        _ = try apiKey.map(Self.checkedKey)
    }

    /// The same of a key alone.
    /// - Throws: ``ChatProviderError`` with `invalidKey`.
    package static func check(apiKey: String) throws { _ = try Self.checkedKey(apiKey) }

    /// What stands around a key in a file is no part of it; what stands in it goes into a header field.
    private static func checkedKey(_ key: String) throws(ChatProviderError) -> String {
        let key = key.trimmingWhiteSpace
        guard key.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw ChatProviderError(
                .invalidKey,
                "AI_API_KEY must have printable ASCII characters and spaces alone in it"
            )
        }
        return String(key)
    }

    /// Ends what is being asked, too.
    package func shutdown() async throws { try await self.client.shutdown() }

    package var name: String { self.endpoint.host }

    package func answer(to turns: [ChatTurn], locale: String?) -> AsyncThrowingStream<String, any Error> {
        .pieces { yield in
            do {
                try await self.ask(turns, yield)
            } catch let error as ChatProviderError {
                throw error
            } catch let error as CancellationError {
                throw error
            } catch let error as HTTPClientError where error == .cancelled {
                throw CancellationError()
            } catch let error as HTTPClientError where Self.timeouts.contains(error) {
                throw ChatProviderError(
                    .timedOut,
                    "\(self.name) did not answer in time: \(error.shortDescription)",
                    underlyingError: error
                )
            } catch let error as HTTPClientError {
                // Its description may have header fields in it, and with them the key.
                throw ChatProviderError(
                    .connectionFailed,
                    "The connection to \(self.name) failed: \(error.shortDescription)",
                    underlyingError: error
                )
            } catch {
                throw ChatProviderError(
                    .connectionFailed,
                    "The connection to \(self.name) failed: \(Self.reason(of: error))",
                    underlyingError: error
                )
            }
        }
    }

    /// Not in the library's own words, which may have a header in them, and with it the key.
    private static func reason(of error: any Error) -> String {
        (error as? HTTPClientError)?.shortDescription ?? ErrorText.of(error)
    }

    private static let timeouts: [HTTPClientError] = [
        .readTimeout, .connectTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout,
        .writeTimeout,
    ]

    private func ask(_ turns: [ChatTurn], _ yield: (String) -> Void) async throws {
        var request = HTTPClientRequest(url: self.endpoint.url)
        request.method = .POST
        request.headers = ["Content-Type": "application/json", "Accept": "text/event-stream"]
        if let apiKey = self.apiKey { request.headers.add(name: "Authorization", value: "Bearer \(apiKey)") }
        request.body = .bytes(ChatCompletion.request(model: self.model, turns: turns))

        // For the head alone: connection, and then as long as between bytes, which the read timeout watches from there on.
        let response = try await self.client.execute(request, timeout: .seconds(70))
        try self.check(response)
        var answer = AnswerReader(provider: self.name)
        let clock = ContinuousClock()
        let deadline = clock.now + self.maximumDuration
        for try await bytes in response.body {
            guard clock.now < deadline else {
                throw ChatProviderError(
                    .timedOut,
                    "\(self.name) did not come to an end within \(self.maximumDuration.components.seconds) s"
                )
            }
            if try answer.receive(bytes, yield) { return }
        }
        try answer.finish(yield)
    }

    /// Throws for what is no answer by its head alone.
    private func check(_ response: HTTPClientResponse) throws(ChatProviderError) {
        let status = Int(response.status.code)
        guard (200..<300).contains(status) else {
            var text = "\(self.name) answered with HTTP status \(status)"
            if (300..<400).contains(status) {
                text += ", and redirects are not followed: AI_API_URL names the place itself"
            }
            // A number of seconds, or a date; neither is shown as it came.
            if let seconds = response.headers.first(name: "Retry-After").flatMap({ Int($0) }), seconds >= 0 {
                text += ": it may be asked again in \(seconds) s"
            }
            throw ChatProviderError(.refused, text, status: status)
        }
        if let coding = response.headers.first(name: "Content-Encoding"), coding.lowercased() != "identity" {
            throw ChatProviderError(.malformedAnswer, "\(self.name) compressed its answer without being asked to")
        }
    }
}
