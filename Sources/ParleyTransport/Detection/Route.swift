/// Who answers a request.
package enum Route {
    /// A place for WebSocket alone.
    case webSocket(any WebSocketEndpoint)
    /// A place where plain requests are exchanges, and WebSocket is spoken, too.
    case exchange(any ExchangeEndpoint & WebSocketEndpoint)
    /// Goes on to somebody else, whatever it is.
    case proxy(any ForwardingEndpoint)
    /// The HTTP API.
    case http
}

extension Route {
    /// Whom a request shakes hands with; `nil` where it is no matter of WebSocket.
    package func webSocket(for request: UpgradeRequest) -> (any WebSocketEndpoint)? {
        switch self {
        case .webSocket(let endpoint): endpoint
        case .exchange(let endpoint): request.wantsWebSocket ? endpoint : nil
        case .proxy, .http: nil
        }
    }
}
