internal import NIOCore
internal import NIOHTTP1
internal import ParleyText
internal import WebSocketProtocol

/// The client's side of the opening handshake: the request, and the judgement of the answer (RFC 6455 §4.1).
struct ClientHandshake {
    /// What both sides settled on.
    struct Agreement: Equatable {
        var subprotocol: String?
        var compression: PerMessageDeflate?
    }

    /// What to make of a response head.
    enum ResponseAction: Equatable {
        /// The connection is a WebSocket from the next byte on.
        case upgrade(Agreement)
        /// The server declines: collect the body, then report the refusal.
        case collectRefusal
        /// The answer breaks a rule: close without a word.
        case fail(WebSocketClientError)
    }

    private static let ownFields: Set<String> = [
        "upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol",
        "sec-websocket-extensions", "content-length", "transfer-encoding",
    ]

    let request: HTTPRequestHead
    private let expectedAccept: String
    private let subprotocols: [String]
    private let compression: PerMessageDeflateOffer?

    /// - Parameter nonce: Sixteen fresh random bytes.
    /// - Throws: ``WebSocketClientError`` with `invalidArgument` for a header field or subprotocol that cannot be sent.
    init(url: WebSocketURL, configuration: WebSocketClientConfiguration, nonce: [UInt8]) throws {
        let key = WebSocketHandshake.makeKey(random: nonce)
        self.expectedAccept = WebSocketHandshake.acceptValue(forKey: key)
        self.subprotocols = configuration.subprotocols
        self.compression = configuration.compression

        var headers = HTTPHeaders([
            ("Host", url.authority), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", "13"),
        ])
        for subprotocol in configuration.subprotocols where !Self.isToken(subprotocol) {
            throw WebSocketClientError(.invalidArgument, "'\(subprotocol)' cannot be the name of a subprotocol")
        }
        if !configuration.subprotocols.isEmpty {
            headers.add(name: "Sec-WebSocket-Protocol", value: configuration.subprotocols.joined(separator: ", "))
        }
        if let compression = configuration.compression {
            headers.add(name: "Sec-WebSocket-Extensions", value: compression.header)
        }
        for header in configuration.headers { try Self.add(header, to: &headers) }
        self.request = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: headers)
    }

    private static func add(_ header: WebSocketClientConfiguration.Header, to headers: inout HTTPHeaders) throws {
        let name = header.name.lowercased()
        guard Self.isToken(name), header.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
            throw WebSocketClientError(
                .invalidArgument,
                "'\(header.name)' is no header field, or its value has control characters"
            )
        }
        guard !Self.ownFields.contains(name) else {
            throw WebSocketClientError(
                .invalidArgument,
                "the header field \(header.name) belongs to the handshake itself"
            )
        }
        if name == "host" {
            headers.replaceOrAdd(name: header.name, value: header.value)
        } else {
            headers.add(name: header.name, value: header.value)
        }
    }

    /// Judges the answer.
    func received(_ response: HTTPResponseHead) -> ResponseAction {
        guard response.status == .switchingProtocols else { return .collectRefusal }
        guard response.headers["Upgrade"].contains(where: { WebSocketHandshake.containsToken($0, "websocket") }) else {
            return Self.fail("expected Upgrade: websocket", got: response.headers["Upgrade"])
        }
        guard response.headers["Connection"].contains(where: { WebSocketHandshake.containsToken($0, "upgrade") }) else {
            return Self.fail("expected Connection: Upgrade", got: response.headers["Connection"])
        }
        let accept = response.headers["Sec-WebSocket-Accept"]
        guard accept == [self.expectedAccept] else {
            return Self.fail("expected Sec-WebSocket-Accept: \(self.expectedAccept)", got: accept)
        }
        let subprotocols = response.headers["Sec-WebSocket-Protocol"]
        guard subprotocols.count <= 1, subprotocols.allSatisfy(self.subprotocols.contains) else {
            return Self.fail("expected one of the subprotocols that were offered, or none", got: subprotocols)
        }
        let extensions = response.headers["Sec-WebSocket-Extensions"]
        do {
            return .upgrade(Agreement(subprotocol: subprotocols.first, compression: try self.accept(extensions)))
        } catch {
            return .fail(
                WebSocketClientError(
                    .invalidHandshake,
                    "\(error): '\(extensions.joined(separator: ", "))'",
                    underlyingError: error
                )
            )
        }
    }

    private func accept(_ extensions: [String]) throws -> PerMessageDeflate? {
        if let compression = self.compression { return try compression.accept(response: extensions) }
        guard extensions.isEmpty else {
            throw WebSocketClientError(.invalidHandshake, "no extension was offered, but the server chose one")
        }
        return nil
    }

    private static func fail(_ expectation: String, got values: [String]) -> ResponseAction {
        let got = values.isEmpty ? "none" : "'\(values.joined(separator: ", "))'"
        return .fail(
            WebSocketClientError(.invalidHandshake, "the server's handshake is wrong: \(expectation), got \(got)")
        )
    }

    /// `token` of RFC 9110 §5.6.2.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(\.isTokenCharacter)
    }
}

extension WebSocketClientError {
    /// The error for an answer that is not 101.
    init(refusal head: HTTPResponseHead, body: ByteBuffer) {
        let refusal = Refusal(
            status: Int(head.status.code),
            reasonPhrase: head.status.reasonPhrase,
            headers: head.headers.map { Refusal.Header(name: $0.name, value: $0.value) },
            body: String(buffer: body)
        )
        var message =
            "the server refused the connection: expected status 101, got \(refusal.status) \(refusal.reasonPhrase)"
        if let location = refusal.header("Location") { message += ", redirected to \(location)" }
        let text = refusal.body.prefix(while: { !$0.isNewline })
        if !text.isEmpty { message += ": \(text.prefix(200))" }
        self.init(.refused, message, refusal: refusal)
    }
}
