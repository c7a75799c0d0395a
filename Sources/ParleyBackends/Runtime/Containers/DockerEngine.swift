internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import ParleyModel
internal import ParleyText

/// The Docker Engine API on a Unix socket, as far as backends need it. Podman's service speaks it, too.
struct DockerEngine: Sendable {
    /// What the engine has refused, in its own words.
    struct Failure: SpokenError {
        let status: UInt
        let description: String
    }

    private struct Message: Decodable {
        let message: String?
        let error: String?
    }

    private static let version = "v1.41"
    private static let maximumAnswerBytes = 4 << 20

    private let base: String
    private let client: HTTPClient

    /// - Parameter socket: The path of the engine's socket.
    init(socket: String) {
        let host = PercentEncoding.encode(socket) { $0.isASCIIAlphanumeric }
        self.base = "http+unix://\(host)/\(Self.version)"
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        // One follows the output of each container, one waits for its end.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 4096
        self.client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func close() async { try? await self.client.shutdown() }

    /// - Parameter timeout: For the whole answer.
    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ query: [(String, String)] = [],
        body: (any Encodable & Sendable)? = nil,
        timeout: TimeAmount = .seconds(30)
    ) async throws -> ByteBuffer {
        let response = try await self.start(method, path, query, body: body, timeout: timeout)
        return try await response.body.collect(upTo: Self.maximumAnswerBytes)
    }

    /// Sends a request whose answer is a stream.
    func start(
        _ method: HTTPMethod,
        _ path: String,
        _ query: [(String, String)] = [],
        body: (any Encodable & Sendable)? = nil,
        timeout: TimeAmount = .hours(24 * 365)
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: self.base + path + Self.text(query))
        request.method = method
        // The path of a socket is no host: engines refuse it.
        request.headers.add(name: "Host", value: "localhost")
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
        }
        let response = try await self.client.execute(request, timeout: timeout)
        // 304: it is in that state already.
        guard (200..<300).contains(response.status.code) || response.status == .notModified else {
            let bytes = try? await response.body.collect(upTo: Self.maximumAnswerBytes)
            let message = bytes.flatMap { try? JSONDecoder().decode(Message.self, from: Data($0.readableBytesView)) }
            throw Failure(
                status: response.status.code,
                description: message?.message ?? message?.error ?? "HTTP status \(response.status.code)"
            )
        }
        return response
    }

    func decode<Value: Decodable>(_ type: Value.Type, _ bytes: ByteBuffer) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes.readableBytesView))
    }

    private static func text(_ query: [(String, String)]) -> String {
        guard !query.isEmpty else { return "" }
        let pairs = query.map { name, value in
            name + "=" + PercentEncoding.encode(value)
        }
        return "?" + pairs.joined(separator: "&")
    }
}
