import Testing

@testable import ParleyClient

@Suite("Connecting", .timeLimit(.minutes(1)))
struct WebSocketClientConnectTests {
    @Test("A refusal carries status, header fields and body")
    func refusal() async throws {
        try await TestServer.with { server in
            let error = await #expect(throws: WebSocketClientError.self) {
                try await WebSocketClient.connect(to: server.url("/refuse"))
            }
            #expect(error?.code == .refused)
            #expect(error?.refusal?.status == 403)
            #expect(error?.refusal?.header("x-why") == "rules")
            #expect(error?.refusal?.body == "Not for you")
            #expect(
                error?.message
                    == "the server refused the connection: expected status 101, got 403 Forbidden: Not for you"
            )
        }
    }

    @Test("A redirection is a refusal that says where to")
    func redirection() async throws {
        try await TestServer.with { server in
            let error = await #expect(throws: WebSocketClientError.self) {
                try await WebSocketClient.connect(to: server.url("/redirect"))
            }
            #expect(error?.message.hasSuffix("got 302 Found, redirected to /elsewhere") == true)
        }
    }

    @Test("What is no correct answer is told apart from a refusal", arguments: ["/wrong-accept", "/garbage"])
    func invalidHandshake(_ path: String) async throws {
        try await TestServer.with { server in
            let error = await #expect(throws: WebSocketClientError.self) {
                try await WebSocketClient.connect(to: server.url(path))
            }
            #expect(error?.code == .invalidHandshake)
        }
    }

    @Test("A server that does not answer is given up")
    func timeout() async throws {
        try await TestServer.with { server in
            var configuration = WebSocketClientConfiguration()
            configuration.connectTimeout = .milliseconds(50)
            let error = await #expect(throws: WebSocketClientError.self) {
                try await WebSocketClient.connect(to: server.url("/silent"), configuration: configuration)
            }
            #expect(error?.code == .timedOut)
            #expect(error?.message.hasSuffix("127.0.0.1:\(server.port) within 0.05 s") == true)
        }
    }

    @Test("Connecting can be cancelled")
    func cancellation() async throws {
        try await TestServer.with { server in
            let connect = Task { try await WebSocketClient.connect(to: server.url("/silent")) }
            connect.cancel()
            await #expect(throws: CancellationError.self) { try await connect.value }
        }
    }

    @Test("A port that nobody listens on")
    func connectionRefused() async throws {
        var port = 0
        try await TestServer.with { port = $0.port }
        let error = await #expect(throws: WebSocketClientError.self) {
            try await WebSocketClient.connect(to: "ws://127.0.0.1:\(port)/")
        }
        #expect(error?.code == .connectionFailed)
        #expect(error?.message == "cannot connect to 127.0.0.1:\(port): Connection refused")
    }

    @Test(
        "TLS with a certificate that the client was told to trust",
        .enabled(if: SelfSignedCertificate.isAvailable),
        arguments: ["localhost", "127.0.0.1"]
    )
    func trustedAuthority(_ host: String) async throws {
        try await SelfSignedCertificate.with { certificate in
            try await TestServer.with(tls: certificate.serverContext()) { server in
                var configuration = WebSocketClientConfiguration()
                configuration.certificateVerification = .authorities(file: certificate.certificateFile)
                let client = try await WebSocketClient.connect(
                    to: server.url("/echo", host: host),
                    configuration: configuration
                )
                try await client.send(text: "secret")
                #expect(try await client.next() == .text("secret"))
                try await client.close()
            }
        }
    }

    @Test("TLS with a certificate of nobody", .enabled(if: SelfSignedCertificate.isAvailable))
    func untrusted() async throws {
        try await SelfSignedCertificate.with { certificate in
            try await TestServer.with(tls: certificate.serverContext()) { server in
                let error = await #expect(throws: WebSocketClientError.self) {
                    try await WebSocketClient.connect(to: server.url("/echo", host: "localhost"))
                }
                #expect(error?.code == .tlsFailed)
                var configuration = WebSocketClientConfiguration()
                configuration.certificateVerification = .insecure
                let client = try await WebSocketClient.connect(to: server.url("/echo"), configuration: configuration)
                try await client.close()
            }
        }
    }

    @Test("A file of authorities that is not there is named")
    func missingAuthorities() async {
        var configuration = WebSocketClientConfiguration()
        configuration.certificateVerification = .authorities(file: "/nowhere/ca.pem")
        let error = await #expect(throws: WebSocketClientError.self) {
            try await WebSocketClient.connect(to: "wss://localhost:1/", configuration: configuration)
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("/nowhere/ca.pem") == true)
    }
}
