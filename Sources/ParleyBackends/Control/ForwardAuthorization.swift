internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// Asks another program whether a request may pass: with its method and headers, and without its body.
public struct ForwardAuthorization: Sendable {
    /// Lives as long as the process.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    private let url: String

    public init(url: String) {
        self.url = url
    }

    /// Of the body, which is not sent, and of one connection alone.
    private static let unsent: Set<String> = [
        "content-length", "transfer-encoding", "connection", "upgrade", "te", "host", "expect",
    ]

    /// - Parameter path: What is asked for, told in `x-original-path`.
    /// - Returns: `nil` when nobody answers.
    public func isAllowed(method: String, path: String, headers: [(name: String, value: String)]) async -> Bool? {
        var question = HTTPClientRequest(url: self.url)
        question.method = HTTPMethod(rawValue: method)
        for (name, value) in headers where !Self.unsent.contains(name.lowercased()) {
            question.headers.add(name: name, value: value)
        }
        question.headers.replaceOrAdd(name: "x-original-path", value: path)
        let answer = try? await Self.client.execute(question, timeout: .seconds(10))
        return answer.map { (200..<300).contains($0.status.code) }
    }
}
