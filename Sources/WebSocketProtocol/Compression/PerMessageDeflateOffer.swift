/// What a client offers for compression, and the check of the server's answer (RFC 7692 §5.1, §7.1).
public struct PerMessageDeflateOffer: Sendable, Equatable {
    /// Ask the server to keep no history; it must agree or decline.
    public var serverNoContextTakeover: Bool
    /// Announce that we keep no history.
    public var clientNoContextTakeover: Bool
    /// Ask the server to stay within this window, 8...15; `nil` leaves it free.
    public var serverMaxWindowBits: Int?
    /// The most we use ourselves, 8...15, which also lets the server ask for less; `nil` does not let it.
    public var clientMaxWindowBits: Int?

    public init(
        serverNoContextTakeover: Bool = true,
        clientNoContextTakeover: Bool = true,
        serverMaxWindowBits: Int? = nil,
        clientMaxWindowBits: Int? = 15
    ) {
        self.serverNoContextTakeover = serverNoContextTakeover
        self.clientNoContextTakeover = clientNoContextTakeover
        self.serverMaxWindowBits = serverMaxWindowBits
        self.clientMaxWindowBits = clientMaxWindowBits
    }

    /// The value for the request's `Sec-WebSocket-Extensions` line.
    public var header: String {
        var parameters = DeflateParameters()
        parameters.serverNoContextTakeover = self.serverNoContextTakeover
        parameters.clientNoContextTakeover = self.clientNoContextTakeover
        parameters.serverMaxWindowBits = self.serverMaxWindowBits.map { min(max($0, 8), 15) }
        parameters.clientMaxWindowBits = self.clientMaxWindowBits.map { $0 >= 15 ? .anyBits : .bits(max($0, 8)) }
        return parameters.header
    }

    /// Checks the server's answer.
    ///
    /// - Parameter response: The values of all `Sec-WebSocket-Extensions` lines of the response.
    /// - Returns: The agreement; `nil` when the server declined.
    /// - Throws: ``PerMessageDeflateError`` for anything that was not offered; the connection must then be failed
    ///   (RFC 6455 §4.1, RFC 7692 §7.1).
    public func accept(response: [String]) throws(PerMessageDeflateError) -> PerMessageDeflate? {
        let extensions = WebSocketExtension.parse(response)
        guard let first = extensions.first else {
            let isBlank = response.allSatisfy { $0.utf8.allSatisfy { $0 == UInt8(ascii: " ") } }
            guard isBlank else { throw PerMessageDeflateError(.malformedResponse) }
            return nil
        }
        guard extensions.count == 1, first.name == DeflateParameters.extensionName else {
            throw PerMessageDeflateError(.extensionNotOffered)
        }
        guard let answer = DeflateParameters(first.parameters) else { throw PerMessageDeflateError(.invalidParameter) }
        return try self.accept(answer)
    }

    private func accept(_ answer: DeflateParameters) throws(PerMessageDeflateError) -> PerMessageDeflate {
        if self.serverNoContextTakeover, !answer.serverNoContextTakeover {
            throw PerMessageDeflateError(.offerNotHonoured)
        }
        if let offered = self.serverMaxWindowBits {
            guard let bits = answer.serverMaxWindowBits, bits <= min(max(offered, 8), 15) else {
                throw PerMessageDeflateError(.offerNotHonoured)
            }
        }
        let clientBits: Int
        switch (answer.clientMaxWindowBits, self.clientMaxWindowBits) {
        case (nil, let offered): clientBits = offered ?? 15
        case (.bits(let bits), let offered?) where bits <= min(max(offered, 8), 15): clientBits = bits
        // A window in the answer is for a client that offered one, no larger than offered, and has a value (§7.1.2.2).
        case (_, nil), (.anyBits, _), (.bits, _): throw PerMessageDeflateError(.invalidParameter)
        }
        return PerMessageDeflate(
            serverNoContextTakeover: answer.serverNoContextTakeover,
            clientNoContextTakeover: answer.clientNoContextTakeover || self.clientNoContextTakeover,
            serverMaxWindowBits: answer.serverMaxWindowBits ?? 15,
            clientMaxWindowBits: clientBits
        )
    }
}

/// Why a server's answer to a ``PerMessageDeflateOffer`` cannot be accepted. Two errors are equal when their codes are.
public struct PerMessageDeflateError: Error, Equatable, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        enum Wrapped: Hashable { case malformedResponse, extensionNotOffered, invalidParameter, offerNotHonoured }

        let wrapped: Wrapped

        /// The header does not follow the grammar of RFC 6455 §9.1.
        public static let malformedResponse = Self(wrapped: .malformedResponse)
        /// The server answered with another extension, or with more than one.
        public static let extensionNotOffered = Self(wrapped: .extensionNotOffered)
        /// A parameter that is unknown, repeated, out of range, or was not offered.
        public static let invalidParameter = Self(wrapped: .invalidParameter)
        /// A parameter that the offer demanded is missing or weaker in the answer.
        public static let offerNotHonoured = Self(wrapped: .offerNotHonoured)
    }

    public var code: Code

    init(_ code: Code) {
        self.code = code
    }

    public var description: String {
        switch self.code.wrapped {
        case .malformedResponse: "the server's Sec-WebSocket-Extensions header is malformed"
        case .extensionNotOffered: "the server accepted an extension that was not offered"
        case .invalidParameter: "the server accepted permessage-deflate with a parameter that was not offered"
        case .offerNotHonoured: "the server accepted permessage-deflate without a parameter that was demanded"
        }
    }
}
