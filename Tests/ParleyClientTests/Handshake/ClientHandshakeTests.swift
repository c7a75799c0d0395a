import NIOHTTP1
import Testing
import WebSocketProtocol

@testable import ParleyClient

/// Key and accept value of RFC 6455 §1.3: the nonce in the example is `the sample nonce`.
@Suite("Client handshake")
struct ClientHandshakeTests {
    private static let nonce = Array("the sample nonce".utf8)
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    private func handshake(_ change: (inout WebSocketClientConfiguration) -> Void = { _ in }) throws -> ClientHandshake
    {
        var configuration = WebSocketClientConfiguration()
        configuration.compression = nil
        change(&configuration)
        return try ClientHandshake(
            url: WebSocketURL("ws://host:8000/x?y"),
            configuration: configuration,
            nonce: Self.nonce
        )
    }

    private func response(
        _ status: HTTPResponseStatus = .switchingProtocols,
        _ changes: [(String, String?)] = []
    ) -> HTTPResponseHead {
        var headers = HTTPHeaders([
            ("Upgrade", "WebSocket"), ("Connection", "keep-alive, Upgrade"), ("Sec-WebSocket-Accept", Self.accept),
        ])
        for (name, value) in changes {
            headers.remove(name: name)
            if let value { headers.add(name: name, value: value) }
        }
        return HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    }

    @Test("The request asks for what is configured")
    func request() throws {
        let request = try self.handshake {
            $0.headers = [.init("Authorization", "Bearer x"), .init("host", "other")]
            $0.subprotocols = ["a", "b"]
            $0.compression = PerMessageDeflateOffer(serverNoContextTakeover: false, clientNoContextTakeover: false)
        }.request
        #expect(request.method == .GET)
        #expect(request.uri == "/x?y")
        #expect(request.headers["Sec-WebSocket-Key"] == ["dGhlIHNhbXBsZSBub25jZQ=="])
        #expect(request.headers["Sec-WebSocket-Version"] == ["13"])
        #expect(request.headers["Sec-WebSocket-Protocol"] == ["a, b"])
        #expect(request.headers["Sec-WebSocket-Extensions"] == ["permessage-deflate; client_max_window_bits"])
        #expect(request.headers["Authorization"] == ["Bearer x"])
        #expect(request.headers["Host"] == ["other"])
        #expect(try self.handshake().request.headers["Host"] == ["host:8000"])
    }

    @Test(
        "Header fields that cannot be sent are refused",
        arguments: [
            ("Bad Name", "x"), ("", "x"), ("X", "a\r\nEvil: yes"), ("Sec-WebSocket-Key", "x"), ("connection", "close"),
        ]
    )
    func invalidHeaders(_ name: String, _ value: String) {
        let error = #expect(throws: WebSocketClientError.self) {
            try self.handshake { $0.headers = [.init(name, value)] }
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test("A correct answer upgrades")
    func upgrade() throws {
        #expect(try self.handshake().received(self.response()) == .upgrade(.init()))
        #expect(
            try self.handshake { $0.subprotocols = ["a", "b"] }.received(
                self.response(.switchingProtocols, [("Sec-WebSocket-Protocol", "b")])
            )
                == .upgrade(.init(subprotocol: "b"))
        )
        let deflate = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        #expect(
            try self.handshake { $0.compression = PerMessageDeflateOffer() }
                .received(self.response(.switchingProtocols, [("Sec-WebSocket-Extensions", deflate)]))
                == .upgrade(.init(compression: PerMessageDeflate()))
        )
    }

    @Test(
        "An answer that breaks a rule fails",
        arguments: [
            ("Upgrade", nil), ("Upgrade", "h2c"), ("Connection", nil), ("Connection", "close"),
            ("Sec-WebSocket-Accept", nil),
            ("Sec-WebSocket-Accept", "AAAA"), ("Sec-WebSocket-Protocol", "c"),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ] as [(String, String?)]
    )
    func failure(_ name: String, _ value: String?) throws {
        let action = try self.handshake { $0.subprotocols = ["a"] }.received(
            self.response(.switchingProtocols, [(name, value)])
        )
        guard case .fail(let error) = action else {
            Issue.record("expected a failure, got \(action)")
            return
        }
        #expect(error.code == .invalidHandshake)
    }

    @Test("Any other status is a refusal", arguments: [200, 302, 401, 426, 503])
    func refusal(_ status: Int) throws {
        #expect(try self.handshake().received(self.response(.init(statusCode: status))) == .collectRefusal)
    }
}
