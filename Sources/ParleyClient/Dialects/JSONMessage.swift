internal import Foundation

/// JSON in the messages of dialects.
enum JSONMessage {
    /// - Throws: ``WebSocketClientError`` with `unexpectedMessage`.
    static func decode<Value: Decodable>(
        _ type: Value.Type,
        from message: WebSocketMessage,
        of dialect: String
    ) throws -> Value {
        let text = try message.text(of: dialect)
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw self.unexpected(text, of: dialect, error)
        }
    }

    static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func unexpected(_ text: String, of dialect: String, _ error: (any Error)? = nil) -> WebSocketClientError {
        WebSocketClientError(
            .unexpectedMessage,
            "expected a message of \(dialect), got '\(text.prefix(200))'",
            underlyingError: error
        )
    }
}
