import ParleyClient
import Testing

@Suite("WebSocket URLs")
struct WebSocketURLTests {
    @Test(
        "A URL is taken apart",
        arguments: [
            ("ws://localhost", "localhost", 80, "/", false),
            ("wss://example.com", "example.com", 443, "/", true),
            ("WS://host:8000/a/b?c=d", "host", 8000, "/a/b?c=d", false),
            ("http://host/x", "host", 80, "/x", false),
            ("https://host:443/x", "host", 443, "/x", true),
            ("ws://host?token=t", "host", 80, "/?token=t", false),
            ("ws://[::1]:9/x", "::1", 9, "/x", false),
            ("ws://[::1]", "::1", 80, "/", false),
            ("ws://host/Zoë K?n=%20{", "host", 80, "/Zo%C3%AB%20K?n=%20%7B", false),
        ]
    )
    func parts(_ text: String, _ host: String, _ port: Int, _ target: String, _ isSecure: Bool) throws {
        let url = try WebSocketURL(text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.target == target)
        #expect(url.isSecure == isSecure)
    }

    @Test(
        "What is no such URL is refused",
        arguments: [
            "localhost:8000", "ftp://host", "ws://", "ws://:80", "ws://host:0", "ws://host:65536", "ws://host:x",
            "ws://a:b:c",
            "ws://user:word@host", "ws://host/#part", "ws://[::1", "ws://ho st/",
        ]
    )
    func refused(_ text: String) {
        let error = #expect(throws: WebSocketClientError.self) { try WebSocketURL(text) }
        #expect(error?.code == .invalidURL)
    }

    @Test("Host header and description leave the scheme's own port out")
    func authority() throws {
        #expect(try WebSocketURL("wss://host:443/").description == "wss://host/")
        #expect(try WebSocketURL("ws://host:443/").authority == "host:443")
        #expect(try WebSocketURL("ws://[::1]:8000/").authority == "[::1]:8000")
    }

    @Test("Query parameters and segments are encoded")
    func appending() throws {
        let url = try WebSocketURL("ws://host/ws")
        #expect(
            url.appending(query: "name", "Zoë & K").appending(query: "room", "x").target
                == "/ws?name=Zo%C3%AB%20%26%20K&room=x"
        )
        #expect(url.appending(pathSegment: "a/b").target == "/ws/a%2Fb")
        #expect(try WebSocketURL("ws://host").appending(pathSegment: "x").target == "/x")
        #expect(try WebSocketURL("ws://host/?").appending(query: "a", "").target == "/?a=")
    }
}
