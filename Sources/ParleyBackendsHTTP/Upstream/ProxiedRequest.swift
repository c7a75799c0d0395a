internal import NIOCore
internal import NIOHTTP1
internal import ParleyBackends
internal import ParleyTransport

/// A client's request, and how it is put to a backend.
struct ProxiedRequest: Sendable {
    private let request: UpgradeRequest
    private let path: ProxyPath
    private let isUpgrade: Bool

    init(_ request: UpgradeRequest, path: ProxyPath, isUpgrade: Bool) {
        self.request = request
        self.path = path
        self.isUpgrade = isUpgrade
    }

    /// - Parameters:
    ///   - address: Of the backend.
    ///   - isResumable: Whether somebody else may go on with the WebSocket: no extension is offered then, as what they do to
    ///     messages would depend on earlier ones.
    func head(for route: BackendRoute, at address: SocketAddress? = nil, isResumable: Bool = false) -> HTTPRequestHead {
        var head = HTTPRequestHead(version: .http1_1, method: self.request.head.method, uri: self.path.rest)
        // A static token is part of what the backend serves.
        if route.isStatic { head.uri = self.request.head.uri }
        head.headers = ProxyHeaders.request(
            self.request.head.headers,
            for: route,
            path: self.request.path,
            from: self.request.proxyPeer,
            isUpgrade: self.isUpgrade,
            version: self.request.head.version
        )
        // What goes on is HTTP/1.1, which has one (RFC 9112 §3.2): the address asked, where the client has named none.
        if self.request.head.version == .http1_0, !head.headers.contains(name: "Host"), let address {
            head.headers.add(name: "Host", value: address.authority)
        }
        if isResumable { head.headers.remove(name: "Sec-WebSocket-Extensions") }
        return head
    }

    /// For a WebSocket that has been another backend's.
    /// - Parameter subprotocol: What that one agreed to, and this one must.
    func head(for route: BackendRoute, after previous: BackendID, subprotocol: String?) -> HTTPRequestHead {
        var head = self.head(for: route, isResumable: true)
        head.headers.remove(name: "Sec-WebSocket-Protocol")
        if let subprotocol { head.headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol) }
        head.headers.add(name: "x-verified-resumed-from", value: previous.text)
        return head
    }
}

extension UpgradeRequest {
    /// Who has sent it, as backends are told.
    fileprivate var proxyPeer: ProxyHeaders.Peer {
        ProxyHeaders.Peer(
            address: self.peer?.ip ?? "unknown",
            isSecure: self.isSecure,
            isTrusted: self.isPeerTrusted,
            client: self.isPeerTrusted ? self.remoteIP : nil
        )
    }
}

extension SocketAddress {
    /// As it stands in a Host field.
    fileprivate var authority: String {
        let address = self.ipAddress ?? "localhost"
        return "\(address.contains(":") ? "[\(address)]" : address):\(self.port ?? 80)"
    }
}
