public import EngineIO
public import ParleyModel

/// The request that began a session.
public final class ConnectionRequest: Sendable {
    public let method: String
    /// Path and query as sent.
    public let url: String
    /// In the order in which they came, names as sent.
    public let headers: [(name: String, value: String)]
    /// The client's IP address.
    public let remoteAddress: String?
    /// Whether it came over TLS.
    public let isSecure: Bool
    /// When it came.
    public let time: WallTime

    package init(
        method: String,
        url: String,
        headers: [(name: String, value: String)],
        remoteAddress: String?,
        isSecure: Bool,
        time: WallTime
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.remoteAddress = remoteAddress
        self.isSecure = isSecure
        self.time = time
    }

    /// The first field of a name, in whichever case it was sent.
    public func header(_ name: String) -> String? {
        self.headers.first { $0.name.hasSameBytesInAnyCase(as: name) }?.value
    }

    public var path: Substring { self.url.prefix { $0 != "?" } }

    /// The query, parsed anew at each call.
    public var query: EngineQuery {
        EngineQuery(
            self.url.utf8.firstIndex(of: UInt8(ascii: "?")).map { self.url[self.url.utf8.index(after: $0)...] } ?? ""
        )
    }
}
