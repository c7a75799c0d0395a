package import NIOCore
package import NIOHTTP1
package import ParleyModel
internal import ParleyText
internal import WebSocketProtocol

/// The head of a request as endpoints look at it. Passed from hand to hand, and never changed: a class, so that this costs nothing.
package final class UpgradeRequest: Sendable {
    package let head: HTTPRequestHead
    /// The path before the query, as sent.
    package let path: Substring
    package let query: QueryParameters
    /// Where the client is; `nil` when nobody knows.
    package let remoteAddress: SocketAddress?
    /// The other end of the connection: the client, or a proxy.
    package let peer: Peer?
    /// Whether the peer is believed in what it says of those who stand before it.
    package let isPeerTrusted: Bool
    /// Whether it came over TLS.
    package let isSecure: Bool

    /// - Parameters:
    ///   - peer: The other end of the connection.
    ///   - proxies: Who is believed that it speaks for others.
    package init(
        head: HTTPRequestHead,
        peer: Peer?,
        isSecure: Bool = false,
        trusting proxies: TrustedProxies = .none
    ) {
        self.head = head
        let client = ClientAddress(peer: peer?.address, head.headers, trusting: proxies)
        self.remoteAddress = client.address
        self.peer = peer
        self.isPeerTrusted = client.isPeerTrusted
        self.isSecure = isSecure
        let target = head.uri[...]
        let end = target.firstIndex(ofByte: UInt8(ascii: "?"))
        self.path = target[..<end]
        self.query = QueryParameters(end < target.endIndex ? target[target.utf8.index(after: end)...] : nil)
    }

    /// As people write it; `nil` when nobody knows.
    package var remoteIP: String? { self.isPeerTrusted ? self.remoteAddress?.clientIP : self.peer?.ip }

    package func header(_ name: String) -> String? { self.head.headers.first(name: name) }

    /// Whether the client means to speak WebSocket here; whether it does so correctly is ``handshakeRefusal``.
    package var wantsWebSocket: Bool {
        self.head.headers["Upgrade"].contains { WebSocketHandshake.containsToken($0, "websocket") }
    }

    /// Asked before anything else: by no other method is there anything at a place for WebSocket (RFC 6455 §4.1).
    var methodRefusal: Refusal? {
        switch self.head.method {
        case .GET: return nil
        // As GET would be answered (RFC 9110 §9.3.2).
        case .HEAD: return self.wantsWebSocket ? .methodNotAllowed : nil
        default: return .methodNotAllowed
        }
    }

    private var hasBody: Bool {
        self.head.headers.contains(name: "Transfer-Encoding")
            || self.head.headers["Content-Length"].contains { $0 != "0" }
    }

    /// What is wrong with the handshake, if anything (RFC 6455 §4.2.1).
    package var handshakeRefusal: Refusal? {
        guard self.wantsWebSocket else { return .upgradeRequired }
        guard self.head.headers["Connection"].contains(where: { WebSocketHandshake.containsToken($0, "upgrade") }),
            self.head.version == .http1_1
        else { return .notAHandshake }
        // Nobody would read it, and the first frame would have to wait for its end.
        guard !self.hasBody else { return .bodyTooLarge }
        let versions = self.head.headers["Sec-WebSocket-Version"]
        guard versions.count <= 1 else { return .notAHandshake }
        guard versions.first == "13" else { return .unsupportedVersion }
        // Neither may appear twice (RFC 6455 §11.3).
        let keys = self.head.headers["Sec-WebSocket-Key"]
        guard keys.count == 1, WebSocketHandshake.isValidKey(keys[0]), self.head.headers["Origin"].count <= 1 else {
            return .notAHandshake
        }
        return nil
    }
}
