extension PerMessageDeflate {
    /// Picks the first acceptable offer of a client (RFC 7692 §5, §7.1).
    ///
    /// An offer with an unknown, repeated or malformed parameter is passed over, as is any other extension.
    /// - Parameter offers: The values of all `Sec-WebSocket-Extensions` lines of the request.
    /// - Returns: The agreement and the value of the response's `Sec-WebSocket-Extensions` line; `nil` to go on without
    ///   compression and without that line.
    public static func negotiate(
        offers: [String],
        policy: PerMessageDeflatePolicy
    ) -> (PerMessageDeflate, responseHeader: String)? {
        for offer in WebSocketExtension.parse(offers) where offer.name == DeflateParameters.extensionName {
            guard let parameters = DeflateParameters(offer.parameters) else { continue }
            return self.accept(parameters, policy: policy)
        }
        return nil
    }

    private static func accept(
        _ offer: DeflateParameters,
        policy: PerMessageDeflatePolicy
    ) -> (PerMessageDeflate, responseHeader: String) {
        var agreed = PerMessageDeflate(
            serverNoContextTakeover: offer.serverNoContextTakeover || !policy.allowsServerContextTakeover,
            clientNoContextTakeover: offer.clientNoContextTakeover || !policy.allowsClientContextTakeover,
            serverMaxWindowBits: min(offer.serverMaxWindowBits ?? 15, policy.serverMaxWindowBits)
        )
        var response = DeflateParameters()
        response.serverNoContextTakeover = agreed.serverNoContextTakeover
        response.clientNoContextTakeover = agreed.clientNoContextTakeover
        if offer.serverMaxWindowBits != nil || agreed.serverMaxWindowBits < 15 {
            response.serverMaxWindowBits = agreed.serverMaxWindowBits
        }
        // The server may only limit a client that has offered to be limited (§7.1.2.2).
        switch offer.clientMaxWindowBits {
        case .bits(let bits): agreed.clientMaxWindowBits = min(bits, policy.clientMaxWindowBits)
        case .anyBits: agreed.clientMaxWindowBits = policy.clientMaxWindowBits
        case nil: break
        }
        if agreed.clientMaxWindowBits < 15 {
            response.clientMaxWindowBits = .bits(agreed.clientMaxWindowBits)
        }
        return (agreed, response.header)
    }
}
