internal import ParleyText

/// What is wrong with a line of a transcript.
struct TranscriptSyntaxError: Error, Equatable, CustomStringConvertible {
    var description: String
}

/// Reads the lines of a transcript, in order: it knows which values were captured before.
struct TranscriptParser {
    private var captured: Set<String> = []

    /// - Returns: `nil` for an empty line or a comment.
    mutating func parse(_ line: Substring) throws(TranscriptSyntaxError) -> (client: String, Transcript.Action)? {
        guard line.contains(where: { !$0.isWhitespace }), line.first != "#" else { return nil }
        let client = line.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
        guard !client.isEmpty else { throw Self.error("expected the name of a client", got: line) }
        let rest = line[client.endIndex...]
        let sign = rest.prefix { $0 != " " }
        let text = rest[sign.endIndex...].dropFirst()
        return (String(client), try self.parse(sign: sign, text))
    }

    private mutating func parse(sign: Substring, _ text: Substring) throws(TranscriptSyntaxError) -> Transcript.Action {
        switch sign {
        case ">": return .send(try self.sendable(text))
        case ">>": return .sendBinary(try Self.hexadecimal(text))
        case "<": return .expect(try self.expectation(text))
        case "<<": return .expectBinary(try Self.hexadecimal(text))
        case "!":
            let (code, reason) = try Self.code(text)
            return .closed(code: code, reason: reason)
        case ":": return try self.parse(verb: text)
        default:
            throw Self.error("expected one of ':', '>', '>>', '<', '<<' and '!' after the client's name", got: sign)
        }
    }

    private mutating func parse(verb text: Substring) throws(TranscriptSyntaxError) -> Transcript.Action {
        let verb = text.prefix { $0 != " " }
        let rest = text[verb.endIndex...].dropFirst()
        switch verb {
        case "connect": return .connect(try self.request(rest))
        case "refused":
            let parts = rest.split(separator: " ", maxSplits: 2)
            guard parts.count == 3, let status = Int(parts[0]), (100...599).contains(status), parts[1] == "GET" else {
                throw Self.error("expected 'refused STATUS GET /path'", got: text)
            }
            return .refused(status: status, try self.request(parts[2]))
        case "silent" where rest.isEmpty: return .silent
        case "close":
            let (code, reason) = try Self.code(rest)
            return .close(code: code, reason: reason)
        default: throw Self.error("expected 'connect', 'refused', 'silent' or 'close'", got: text)
        }
    }

    /// The target ends at the first space that is not in `{{…}}`.
    private func request(_ text: Substring) throws(TranscriptSyntaxError) -> Transcript.Request {
        guard text.first == "/" else { throw Self.error("expected a path that begins with '/'", got: text) }
        var depth = 0
        var end = text.startIndex
        while end < text.endIndex, text[end] != " " || depth > 0 {
            depth += text[end] == "{" ? 1 : text[end] == "}" ? -1 : 0
            end = text.index(after: end)
        }
        let header = text[end...].drop { $0 == " " }
        guard header.isEmpty || header.contains(":") else { throw Self.error("expected 'Name: value'", got: header) }
        return Transcript.Request(
            target: try self.sendable(text[..<end]),
            header: header.isEmpty ? nil : String(header)
        )
    }

    private func sendable(_ text: Substring) throws(TranscriptSyntaxError) -> TranscriptPattern {
        let pattern = try TranscriptPattern(text)
        for segment in pattern.segments {
            if case .capture = segment { throw Self.error("what is sent cannot be captured", got: text) }
            if case .reference(let name) = segment { try self.check(name) }
        }
        return pattern
    }

    private mutating func expectation(_ text: Substring) throws(TranscriptSyntaxError) -> TranscriptPattern {
        let pattern = try TranscriptPattern(text)
        for segment in pattern.segments {
            switch segment {
            case .capture(_, let name?):
                let isNew = self.captured.insert(name).inserted
                guard isNew else { throw Self.error("'\(name)' was captured before, write {{=\(name)}}", got: text) }
            case .reference(let name): try self.check(name)
            case .token: throw Self.error("a token cannot be expected", got: text)
            case .capture, .literal, .repeated: break
            }
        }
        return pattern
    }

    private func check(_ name: String) throws(TranscriptSyntaxError) {
        guard self.captured.contains(name) else {
            throw Self.error("nothing was captured under this name before", got: name[...])
        }
    }

    private static func code(_ text: Substring) throws(TranscriptSyntaxError) -> (UInt16, reason: String) {
        let digits = text.prefix { $0 != " " }
        guard let code = UInt16(digits), (1000...4999).contains(code) else {
            throw Self.error("expected a close code from 1000 to 4999", got: digits)
        }
        return (code, String(text[digits.endIndex...].dropFirst()))
    }

    private static func hexadecimal(_ text: Substring) throws(TranscriptSyntaxError) -> [UInt8] {
        guard let bytes = Hexadecimal.decode(text) else {
            throw Self.error("expected pairs of hexadecimal digits", got: text)
        }
        return bytes
    }

    static func error(_ expectation: String, got text: Substring) -> TranscriptSyntaxError {
        TranscriptSyntaxError(description: "\(expectation), got '\(text)'")
    }
}
