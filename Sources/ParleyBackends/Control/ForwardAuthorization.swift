internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import ParleyModel

/// Asks another program whether a request may pass: with its method and headers, and without its body.
public struct ForwardAuthorization: Sendable {
    /// Lives as long as the process.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    private struct NoAnswer: SpokenError {
        let description: String
    }

    private let url: String

    public init(url: String) {
        self.url = url
    }

    /// Of the body, which is not sent, and of one connection alone.
    private static let unsent: Set<String> = [
        "content-length", "transfer-encoding", "connection", "upgrade", "te", "host", "expect",
    ]

    /// - Parameter path: What is asked for, told in `x-original-path`.
    /// - Throws: What kept it from being answered.
    public func isAllowed(
        method: String,
        path: String,
        headers: [(name: String, value: String)]
    ) async throws -> Bool {
        var question = HTTPClientRequest(url: self.url)
        question.method = HTTPMethod(rawValue: method)
        for (name, value) in headers where !Self.unsent.contains(name.lowercased()) {
            question.headers.add(name: name, value: value)
        }
        question.headers.replaceOrAdd(name: "x-original-path", value: path)
        do {
            let answer = try await Self.client.execute(question, timeout: .seconds(10))
            return (200..<300).contains(answer.status.code)
        } catch let error as HTTPClientError {
            // Its description may have header fields in it, and with them a token.
            throw NoAnswer(description: error.shortDescription)
        }
    }
}
