internal import ParleyText

/// Text with holes, as transcripts have it.
///
/// | hole | meaning |
/// |---|---|
/// | `{{uuid}}` | a UUID of version 4 in lower case |
/// | `{{nanoid}}`, `{{sid}}`, `{{id}}` | 21, 20 or 16 of `A-Za-z0-9_-` |
/// | `{{time}}` | a time like `2024-01-01T12:00:00.000Z` |
/// | `{{text}}` | anything up to the next `"`, but not nothing |
/// | `{{uuid:alice}}` | the same, kept under a name; so with the others |
/// | `{{=alice}}` | what was kept under the name |
/// | `{{token alice lobby}}` | a token for that user and room, made by the runner's caller |
/// | `{{repeat x 300}}` | `x`, three hundred times |
public struct TranscriptPattern: Sendable, Equatable, CustomStringConvertible {
    enum Segment: Sendable, Equatable {
        case literal(String)
        case capture(Kind, name: String?)
        case reference(String)
        case token(user: String, room: String)
        case repeated(String, Int)
    }

    /// What a hole accepts.
    enum Kind: String, Sendable {
        case uuid, nanoid, sid, id, time, text
    }

    let segments: [Segment]
    /// As written.
    public let description: String

    init(_ source: Substring) throws(TranscriptSyntaxError) {
        self.description = String(source)
        var segments: [Segment] = []
        var rest = source
        while let open = rest.firstRange(of: "{{") {
            if open.lowerBound > rest.startIndex { segments.append(.literal(String(rest[..<open.lowerBound]))) }
            guard let close = rest[open.upperBound...].firstRange(of: "}}") else {
                throw TranscriptParser.error("expected }} after {{", got: source)
            }
            segments.append(try Self.hole(rest[open.upperBound..<close.lowerBound]))
            rest = rest[close.upperBound...]
        }
        if !rest.isEmpty { segments.append(.literal(String(rest))) }
        self.segments = segments
    }

    private static func hole(_ text: Substring) throws(TranscriptSyntaxError) -> Segment {
        let words = text.split(separator: " ").map(String.init)
        if text.first == "=" { return .reference(String(text.dropFirst())) }
        if words.first == "token", words.count == 3 { return .token(user: words[1], room: words[2]) }
        if words.first == "repeat", words.count == 3, let count = Int(words[2]), (1...1 << 20).contains(count) {
            return .repeated(words[1], count)
        }
        let parts = text.split(separator: ":", maxSplits: 1)
        guard let kind = parts.first.flatMap({ Kind(rawValue: String($0)) }) else {
            throw TranscriptParser.error(
                "expected {{uuid}}, {{nanoid}}, {{sid}}, {{id}}, {{time}}, {{text}}, {{=name}}, {{token user room}} or {{repeat x 9}}",
                got: "{{\(text)}}"
            )
        }
        return .capture(kind, name: parts.count > 1 ? String(parts[1]) : nil)
    }

    /// The text to send.
    ///
    /// - Parameter token: Makes tokens for a user and a room.
    func expand(
        _ captures: [String: String],
        token: (_ user: String, _ room: String) async throws -> String
    ) async throws -> String {
        var text = ""
        for segment in self.segments {
            switch segment {
            case .literal(let literal): text += literal
            case .reference(let name): text += captures[name] ?? ""
            case .token(let user, let room): text += try await token(user, room)
            case .repeated(let word, let count): text += String(repeating: word, count: count)
            case .capture: break
            }
        }
        return text
    }

    /// Whether all of `text` fits. Fills `captures` if so.
    func matches(_ text: String, _ captures: inout [String: String]) -> Bool {
        var found = captures
        var rest = text[...]
        for segment in self.segments {
            let part: Substring?
            switch segment {
            case .literal(let literal): part = rest.prefix(ifIs: literal)
            case .reference(let name): part = found[name].flatMap { rest.prefix(ifIs: $0) }
            case .repeated(let word, let count): part = rest.prefix(ifIs: String(repeating: word, count: count))
            case .capture(let kind, let name):
                part = kind.prefix(of: rest)
                if let name, let part { found[name] = String(part) }
            case .token: part = nil
            }
            guard let part else { return false }
            rest = rest[part.endIndex...]
        }
        guard rest.isEmpty else { return false }
        captures = found
        return true
    }
}

extension TranscriptPattern.Kind {
    /// The part at the beginning of `text` that is of this kind.
    fileprivate func prefix(of text: Substring) -> Substring? {
        switch self {
        case .uuid: text.prefix(fitting: "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx")
        case .nanoid: text.prefix(fitting: String(repeating: "w", count: 21))
        case .sid: text.prefix(fitting: String(repeating: "w", count: 20))
        case .id: text.prefix(fitting: String(repeating: "w", count: 16))
        case .time: text.prefix(fitting: "dddd-dd-ddTdd:dd:dd.dddZ")
        case .text:
            text.first == "\"" || text.isEmpty ? nil : text.prefix { $0 != "\"" }
        }
    }
}

extension Substring {
    fileprivate func prefix(ifIs text: String) -> Substring? {
        // By scalars, which is what travels: as characters, a letter and its accent may equal another letter.
        let scalars = self.unicodeScalars
        guard scalars.starts(with: text.unicodeScalars) else { return nil }
        return self[..<scalars.index(scalars.startIndex, offsetBy: text.unicodeScalars.count)]
    }

    /// `x` in the template stands for a hexadecimal digit in lower case, `w` for one of `A-Za-z0-9_-`, `d` for a digit.
    fileprivate func prefix(fitting template: String) -> Substring? {
        var end = self.utf8.startIndex
        for expected in template.utf8 {
            guard end < self.utf8.endIndex, Self.fits(self.utf8[end], expected) else { return nil }
            end = self.utf8.index(after: end)
        }
        return self[..<end]
    }

    private static func fits(_ byte: UInt8, _ expected: UInt8) -> Bool {
        switch expected {
        case UInt8(ascii: "x"): byte.isASCIIDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        case UInt8(ascii: "d"): byte.isASCIIDigit
        case UInt8(ascii: "w"): byte.isASCIIAlphanumeric || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        default: byte == expected
        }
    }
}
