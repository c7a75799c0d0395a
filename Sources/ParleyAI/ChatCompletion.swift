internal import NIOCore
internal import ParleyDialects
internal import ParleyModel
internal import ParleyText

/// The JSON of chat completions. Source: OpenAI API reference, *Chat completions*, and what others made of it.
enum ChatCompletion {
    /// What one event of the stream, or a whole answer, says.
    enum Content: Equatable {
        /// A piece of the answer; may be empty, as the first and the last mostly are.
        case piece(String)
        /// The same, where a character is split between it and the one before or behind.
        case part(JSONString.Part)
        /// The end, said in so many words.
        case done
        /// The provider gives up, maybe in the middle of the stream.
        case failure
        /// Not JSON, or of another form.
        case malformed
    }

    /// What marks the end of the stream in place of JSON.
    private static let done = "[DONE]"

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

    /// `{"choices":[{"delta":{"content":"Hel"}}]}`, `[DONE]`, or nothing, to keep the connection alive.
    static func content(of event: ServerSentEvents.Event) -> Content {
        guard event.name != "error" else { return .failure }
        let data = event.data.utf8.drop(while: \.isASCIIWhiteSpace)
        // Some put a space behind it.
        if data.starts(with: Self.done.utf8), data.dropFirst(Self.done.utf8.count).allSatisfy(\.isASCIIWhiteSpace) {
            return .done
        }
        return data.isEmpty ? .piece("") : Self.content(of: ByteBuffer(string: event.data), in: "delta")
    }

    /// `{"choices":[{"message":{"content":"Hello"}}]}`, from providers that do not stream.
    static func content(ofAnswer json: ByteBuffer) -> Content { Self.content(of: json, in: "message") }

    private static func content(of json: ByteBuffer, in name: StaticString) -> Content {
        do throws(JSONFailure) {
            let top = try Self.members(["choices", "error", "object", "type", "message", "detail", "code"], of: json)
            if Self.isThere(top[1]) || Self.isError(top[2], in: json) || Self.isError(top[3], in: json) {
                return .failure
            }
            guard let choices = top[0], choices.kind != .null else {
                // A chunk of usage numbers has no choices, and neither has an error of those who have a form of their own.
                return top[4...].contains(where: Self.isThere) ? .failure : .piece("")
            }
            guard let choice = try Self.firstChoice(json.slice(of: choices)) else { return .piece("") }
            return try Self.content(ofChoice: choice, in: name)
        } catch {
            return .malformed
        }
    }

    /// The one of index 0, as several answers are several conversations; without indices the first.
    private static func firstChoice(_ list: ByteBuffer) throws(JSONFailure) -> ByteBuffer? {
        var choices: [ByteBuffer] = []
        try JSONScanner.scanArray(list) {
            if choices.count < Self.maximumChoices { choices.append(list.slice(of: $0)) }
        }
        for choice in choices {
            let index = try Self.members(["index"], of: choice)[0]
            if !Self.isThere(index) || index.map({ String(buffer: choice.slice(of: $0)) }) == "0" { return choice }
        }
        return nil
    }

    private static let maximumChoices = 16

    private static func content(ofChoice choice: ByteBuffer, in name: StaticString) throws(JSONFailure) -> Content {
        let members = try Self.members([name, "finish_reason", "error"], of: choice)
        if Self.isThere(members[2]) { return .failure }
        // `stop` and `length` are ends of an answer; these are ends without one.
        let reason = members[1].flatMap { JSONString.decode($0, in: choice) }
        if reason == "content_filter" || reason == "error" { return .failure }
        guard let message = members[0], message.kind != .null else { return .piece("") }
        let object = choice.slice(of: message)
        let spoken = try Self.members(["content", "refusal"], of: object)
        if let content = spoken[0], let part = JSONString.decodePart(content, in: object),
            part.low != nil || part.high != nil
        {
            return .part(part)
        }
        if let content = spoken[0], content.kind != .null {
            return try Self.text(of: object.slice(of: content), content.kind).map(Content.piece) ?? .malformed
        }
        // A model that declines says so here.
        return .piece(spoken[1].flatMap { JSONString.decode($0, in: object) } ?? "")
    }

    /// Text, or a list of parts `{"type":"text","text":"Hel"}`; parts of other types are nothing to read.
    /// - Returns: `nil` for what is neither.
    private static func text(of content: ByteBuffer, _ kind: JSONValue.Kind) throws(JSONFailure) -> String? {
        switch kind {
        case .string:
            return JSONString.decode(try JSONScanner.scanValue(content), in: content)
        case .object:
            return try Self.text(ofPart: content)
        case .array:
            var parts: [(ByteBuffer, JSONValue.Kind)] = []
            try JSONScanner.scanArray(content) { parts.append((content.slice(of: $0), $0.kind)) }
            var text = ""
            for (part, kind) in parts {
                switch kind {
                case .string: text += JSONString.decode(try JSONScanner.scanValue(part), in: part) ?? ""
                case .object: text += try Self.text(ofPart: part)
                case .null: break
                default: return nil
                }
            }
            return text
        default:
            return nil
        }
    }

    private static func text(ofPart part: ByteBuffer) throws(JSONFailure) -> String {
        let members = try Self.members(["type", "text"], of: part)
        let type = members[0].flatMap { JSONString.decode($0, in: part) } ?? "text"
        guard type == "text" || type == "output_text" else { return "" }
        return members[1].flatMap { JSONString.decode($0, in: part) } ?? ""
    }

    private static func isThere(_ value: JSONValue?) -> Bool { value.map { $0.kind != .null } ?? false }

    private static func isError(_ value: JSONValue?, in json: ByteBuffer) -> Bool {
        value.flatMap { JSONString.decode($0, in: json) } == "error"
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
