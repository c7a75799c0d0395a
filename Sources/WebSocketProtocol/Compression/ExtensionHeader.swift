internal import ParleyText

/// One element of a `Sec-WebSocket-Extensions` header: a name and its parameters (RFC 6455 §9.1).
struct WebSocketExtension: Equatable {
    struct Parameter: Equatable {
        var name: String
        /// Without the quotes; `nil` when there was no `=`.
        var value: String?
    }

    var name: String
    var parameters: [Parameter] = []

    /// The elements of all lines in order. A line that breaks the grammar contributes none.
    static func parse(_ lines: [String]) -> [WebSocketExtension] {
        lines.flatMap { line in
            var parser = ExtensionHeaderParser(line)
            return parser.parse() ?? []
        }
    }
}

/// `extension-list = 1#( token *( ";" token [ "=" ( token | quoted-string ) ] ) )`.
private struct ExtensionHeaderParser {
    private var rest: Substring.UTF8View

    init(_ line: String) {
        self.rest = line[...].utf8
    }

    /// - Returns: `nil` when the line breaks the grammar.
    mutating func parse() -> [WebSocketExtension]? {
        var extensions: [WebSocketExtension] = []
        while true {
            // A list may have empty elements (RFC 9110 §5.6.1).
            while self.skip(",") {}
            self.skipSpaces()
            if self.rest.isEmpty { return extensions }
            guard let element = self.parseExtension() else { return nil }
            extensions.append(element)
            guard self.skip(",") || self.rest.isEmpty else { return nil }
        }
    }

    private mutating func parseExtension() -> WebSocketExtension? {
        guard let name = self.parseToken() else { return nil }
        var element = WebSocketExtension(name: name)
        while self.skip(";") {
            guard let name = self.parseToken() else { return nil }
            var value: String?
            if self.skip("=") {
                self.skipSpaces()
                value = self.rest.first == UInt8(ascii: "\"") ? self.parseQuoted() : self.parseToken()
                guard value != nil else { return nil }
            }
            element.parameters.append(.init(name: name, value: value))
        }
        return element
    }

    private mutating func parseToken() -> String? {
        self.skipSpaces()
        let token = self.rest.prefix { $0.isTokenCharacter }
        guard !token.isEmpty else { return nil }
        self.rest = self.rest[token.endIndex...]
        return String(Substring(token))
    }

    /// The unescaped content must be a token itself (RFC 6455 §9.1).
    private mutating func parseQuoted() -> String? {
        self.rest.removeFirst()
        var content: [UInt8] = []
        while let byte = self.rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                return content.isEmpty ? nil : String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = self.rest.popFirst(), escaped.isTokenCharacter else { return nil }
                content.append(escaped)
            default:
                guard byte.isTokenCharacter else { return nil }
                content.append(byte)
            }
        }
        return nil
    }

    private mutating func skip(_ separator: Unicode.Scalar) -> Bool {
        self.skipSpaces()
        guard self.rest.first == UInt8(ascii: separator) else { return false }
        self.rest.removeFirst()
        return true
    }

    private mutating func skipSpaces() {
        self.rest = self.rest.drop { $0.isOptionalWhiteSpace }
    }
}
