public import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
public import ParleyDialects

/// Asks an endpoint with OpenAI's chat completions, and passes its answer on as it comes.
///
/// Whoever makes one shuts it down.
public final class OpenAIChatProvider: ChatProvider {
    /// Of one answer, in bytes of UTF-8; what is longer ends with an error.
    public static let maximumAnswerBytes = 256 * 1024

    private let endpoint: ChatEndpoint
    private let apiKey: String?
    private let model: String?
    private let client: HTTPClient

    /// How this provider wants its client: 10 s for a connection, 60 s between bytes, no redirects, as they would carry the
    /// conversation to somebody else.
    public static var clientConfiguration: HTTPClient.Configuration {
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
    /// - Throws: ``ChatProviderError`` with `invalidURL`.
    public init(
        baseURL: String,
        apiKey: String?,
        model: String?,
        client: HTTPClient? = nil
    ) throws {
        self.endpoint = try ChatEndpoint(setting: baseURL)
        self.apiKey = apiKey
        self.model = model
        self.client =
            client ?? HTTPClient(eventLoopGroupProvider: .singleton, configuration: Self.clientConfiguration)
    }

    /// Ends what is being asked, too.
    public func shutdown() async throws { try await self.client.shutdown() }

    public var name: String { self.endpoint.host }

    public func answer(to turns: [ChatTurn], locale: String?) -> AsyncThrowingStream<String, any Error> {
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
            } catch {
                throw ChatProviderError(
                    .connectionFailed,
                    "The connection to \(self.name) failed: \(error)",
                    underlyingError: error
                )
            }
        }
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
        guard (200..<300).contains(response.status.code) else {
            let status = Int(response.status.code)
            throw ChatProviderError(.refused, "\(self.name) answered with HTTP status \(status)", status: status)
        }
        var passed = 0
        func pass(_ content: ChatCompletion.Content) throws {
            switch content {
            case .piece(""): break
            case .piece(let piece):
                passed += piece.utf8.count
                guard passed <= Self.maximumAnswerBytes else { throw self.tooLong }
                yield(piece)
            case .failure:
                throw ChatProviderError(.failed, "\(self.name) reported an error instead of an answer")
            case .malformed:
                throw ChatProviderError(.malformedAnswer, "\(self.name) did not answer with chat completions")
            }
        }
        if response.headers.first(name: "Content-Type")?.lowercased().hasPrefix("application/json") == true {
            return try pass(ChatCompletion.content(ofAnswer: try await self.collect(response.body)))
        }
        var events = ServerSentEvents()
        for try await bytes in response.body {
            for event in try self.receive(bytes, &events) {
                if event == ChatCompletion.done { return }
                try pass(ChatCompletion.content(ofEvent: event))
            }
        }
    }

    private func receive(_ bytes: ByteBuffer, _ events: inout ServerSentEvents) throws -> [String] {
        do throws(ServerSentEvents.Failure) {
            return try events.receive(bytes)
        } catch {
            throw ChatProviderError(
                .malformedAnswer,
                "\(self.name) sent a line or an event of more than \(error.limit) bytes"
            )
        }
    }

    /// The body of a provider that does not stream.
    private func collect(_ body: HTTPClientResponse.Body) async throws -> ByteBuffer {
        // Escapes may take six bytes for one.
        let limit = Self.maximumAnswerBytes * 6
        var collected = ByteBuffer()
        for try await bytes in body {
            guard collected.readableBytes + bytes.readableBytes <= limit else { throw self.tooLong }
            collected.writeImmutableBuffer(bytes)
        }
        return collected
    }

    private var tooLong: ChatProviderError {
        ChatProviderError(.answerTooLong, "\(self.name) answered with more than \(Self.maximumAnswerBytes) bytes")
    }
}
