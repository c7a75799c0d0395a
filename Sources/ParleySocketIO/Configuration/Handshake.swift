public import EngineIO
internal import NIOCore
public import ParleyModel
public import SocketIO

/// What a client brought when it joined a namespace.
public struct Handshake: Sendable {
    /// The request that began the session; all namespaces of a connection share it.
    public let request: ConnectionRequest
    /// The payload of the CONNECT; `{}` if there was none.
    public let auth: SocketValue
    /// When it joined.
    public let time: WallTime

    public var headers: [(name: String, value: String)] { self.request.headers }
    public var query: EngineQuery { self.request.query }
    public var url: String { self.request.url }
    public var address: String? { self.request.remoteAddress }
    public var isSecure: Bool { self.request.isSecure }
    /// Whether the request named an Origin.
    public var isCrossDomain: Bool { self.request.header("Origin") != nil }

    /// As the reference shows it: `{headers, time, address, xdomain, secure, issued, url, query, auth}`.
    public var value: SocketValue {
        var headers = SocketObject()
        for header in self.headers {
            let name = header.name.lowercased()
            headers[name] = .string((headers[name]?.string).map { "\($0), \(header.value)" } ?? header.value)
        }
        var query = SocketObject()
        for parameter in self.query.parameters { query[parameter.name] = .string(parameter.value) }
        return .object([
            "headers": .object(headers), "time": .string(self.time.iso8601),
            "address": self.address.map { .string($0) } ?? .null, "xdomain": .bool(self.isCrossDomain),
            "secure": .bool(self.isSecure), "issued": .int(self.time.milliseconds), "url": .string(self.url),
            "query": .object(query), "auth": self.auth,
        ])
    }
}
