/// The parameters of one `permessage-deflate` element, as offered or as answered (RFC 7692 §7.1).
struct DeflateParameters: Equatable {
    enum ClientWindow: Equatable {
        /// `client_max_window_bits` without a value: "I can limit my window if you ask". Only in offers.
        case anyBits
        case bits(Int)
    }

    static let extensionName = "permessage-deflate"

    var serverNoContextTakeover = false
    var clientNoContextTakeover = false
    var serverMaxWindowBits: Int?
    var clientMaxWindowBits: ClientWindow?

    init() {}

    /// - Returns: `nil` for a parameter that is unknown, given twice, or has a value that is not allowed (§7.1).
    init?(_ parameters: [WebSocketExtension.Parameter]) {
        for parameter in parameters {
            switch (parameter.name, parameter.value) {
            case ("server_no_context_takeover", nil) where !self.serverNoContextTakeover:
                self.serverNoContextTakeover = true
            case ("client_no_context_takeover", nil) where !self.clientNoContextTakeover:
                self.clientNoContextTakeover = true
            case ("server_max_window_bits", let value?) where self.serverMaxWindowBits == nil:
                guard let bits = Self.windowBits(value) else { return nil }
                self.serverMaxWindowBits = bits
            case ("client_max_window_bits", nil) where self.clientMaxWindowBits == nil:
                self.clientMaxWindowBits = .anyBits
            case ("client_max_window_bits", let value?) where self.clientMaxWindowBits == nil:
                guard let bits = Self.windowBits(value) else { return nil }
                self.clientMaxWindowBits = .bits(bits)
            default:
                return nil
            }
        }
    }

    /// `permessage-deflate; server_no_context_takeover; client_max_window_bits=10`
    var header: String {
        var header = Self.extensionName
        if self.serverNoContextTakeover { header += "; server_no_context_takeover" }
        if self.clientNoContextTakeover { header += "; client_no_context_takeover" }
        if let bits = self.serverMaxWindowBits { header += "; server_max_window_bits=\(bits)" }
        switch self.clientMaxWindowBits {
        case .bits(let bits): header += "; client_max_window_bits=\(bits)"
        case .anyBits: header += "; client_max_window_bits"
        case nil: break
        }
        return header
    }

    /// "A decimal integer value without leading zeroes between 8 to 15, inclusive" (§7.1.2.1).
    private static func windowBits(_ value: String) -> Int? {
        switch value {
        case "8": 8
        case "9": 9
        case "10": 10
        case "11": 11
        case "12": 12
        case "13": 13
        case "14": 14
        case "15": 15
        default: nil
        }
    }
}
