internal import NIOCore
internal import NIOHTTP1
internal import ParleyBackends

/// A client's request, and how it is put to a backend.
struct ProxiedRequest: Sendable {
    let request: UpgradeRequest
    let isUpgrade: Bool
    private let path: ProxyPath
    private let peer: ProxyHeaders.Peer

    init(_ request: UpgradeRequest, path: ProxyPath, peer: ProxyHeaders.Peer, isUpgrade: Bool) {
        self.request = request
        self.path = path
        self.peer = peer
        self.isUpgrade = isUpgrade
    }

    /// - Parameter isResumable: Whether somebody else may go on with the WebSocket: no extension is offered then, as what they
    ///   do to messages would depend on earlier ones.
    func head(for route: BackendRoute, isResumable: Bool = false) -> HTTPRequestHead {
        var head = HTTPRequestHead(version: .http1_1, method: self.request.head.method, uri: self.path.rest)
        // A static token is part of what the backend serves.
        if route.isStatic { head.uri = self.request.head.uri }
        head.headers = ProxyHeaders.request(
            self.request.head.headers,
            for: route,
            path: self.request.path,
            from: self.peer,
            isUpgrade: self.isUpgrade,
            version: self.request.head.version
        )
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
