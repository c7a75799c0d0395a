internal import NIOCore
internal import ParleyDialects
internal import ParleyModel

/// The JSON of chat completions. Source: OpenAI API reference, *Chat completions*, and what others made of it.
enum ChatCompletion {
    /// What one event of the stream, or a whole answer, says.
    enum Content: Equatable {
        /// A piece of the answer; may be empty, as the first and the last mostly are.
        case piece(String)
        /// The provider gives up in the middle of the stream.
        case failure
        /// Not JSON, or of another form.
        case malformed
    }

    /// What marks the end of the stream in place of JSON.
    static let done = "[DONE]"

    /// - Parameter model: `nil`: the provider has one.
    static func request(model: String?, turns: [ChatTurn]) -> ByteBuffer {
        var body = ByteBuffer(string: "{")
        if let model {
            body.writeString("\"model\":")
            body.writeJSONString(model)
            body.writeString(",")
        }
        body.writeString("\"stream\":true,\"messages\":[")
        for (index, turn) in turns.enumerated() {
            body.writeString(index == 0 ? "{\"role\":\"" : ",{\"role\":\"")
            body.writeString(turn.role.rawValue)
            body.writeString("\",\"content\":")
            body.writeJSONString(turn.content)
            body.writeString("}")
        }
        body.writeString("]}")
        return body
    }

    /// `{"choices":[{"delta":{"content":"Hel"}}]}`
    static func content(ofEvent json: String) -> Content { Self.content(of: ByteBuffer(string: json), in: "delta") }

    /// `{"choices":[{"message":{"content":"Hello"}}]}`, from providers that do not stream.
    static func content(ofAnswer json: ByteBuffer) -> Content { Self.content(of: json, in: "message") }

    private static func content(of json: ByteBuffer, in name: StaticString) -> Content {
        do throws(JSONFailure) {
            let top = try Self.members(["choices", "error"], of: json)
            if let error = top[1], error.kind != .null { return .failure }
            // A chunk of usage numbers has no choices.
            guard let choices = top[0], choices.kind != .null else { return .piece("") }
            let list = json.slice(of: choices)
            var first: JSONValue?
            try JSONScanner.scanArray(list) { first = first ?? $0 }
            guard let first else { return .piece("") }
            let choice = list.slice(of: first)
            guard let message = try Self.members([name], of: choice)[0], message.kind != .null else {
                return .piece("")
            }
            let object = choice.slice(of: message)
            guard let content = try Self.members(["content"], of: object)[0], content.kind != .null else {
                return .piece("")
            }
            return JSONString.decode(content, in: object).map(Content.piece) ?? .malformed
        } catch {
            return .malformed
        }
    }

    private static func members(
        _ names: [StaticString],
        of object: ByteBuffer
    ) throws(JSONFailure) -> [JSONValue?] {
        var values = [JSONValue?](repeating: nil, count: names.count)
        try JSONScanner.scanObject(object) { key, value in
            if let index = names.firstIndex(where: { key == $0 }) { values[index] = value }
        }
        return values
    }
}
