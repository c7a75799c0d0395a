import Foundation

/// A `.env` file, as dotenv and docker compose read it.
///
/// `NAME=value` or `NAME: value`, one a line, `export` before it or not. `NAME` alone is what the environment has under it, as
/// docker compose reads it. Behind an unquoted value, `#` after a space begins a
/// comment. Single quotes and backticks keep everything as it is, over several lines as well; double quotes know `\n`, `\r`,
/// `\t`, `\"`, `\\` and `\$`. Unquoted and in double quotes, `${NAME}` stands for a value of the environment or of a line
/// before, with `:-`, `-`, `:+`, `+`, `:?` and `?` as in a shell; so does `$NAME` where there is such a name, and is left as it
/// is where not. Of a name that comes twice, the last counts. What is none of this is a mistake, with its line.
struct DotEnvFile: Sendable {
    struct Mistake: Error, Equatable, Sendable {
        /// From 1.
        let line: Int
        let text: String
    }

    private(set) var values: [String: String] = [:]
    private(set) var mistakes: [Mistake] = []

    /// - Parameter environment: For `${NAME}`; it wins over lines before.
    init(_ bytes: some Sequence<UInt8>, environment: [String: String] = [:]) {
        var bytes = Array(bytes)
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            self.mistakes = [Mistake(line: 1, text: "this is not UTF-8 text: save the file as UTF-8")]
            return
        }
        if let index = bytes.firstIndex(of: 0) {
            let line = bytes[..<index].count { $0 == UInt8(ascii: "\n") } + 1
            self.mistakes = [Mistake(line: line, text: "a NUL, which is in no text: save the file as UTF-8")]
            return
        }
        // Editors of Windows put a byte order mark before the first name.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            self.mistakes = [
                Mistake(line: Self.lineOfInvalidUTF8(bytes), text: "this is not UTF-8 text: save the file as UTF-8")
            ]
            return
        }
        var reader = Reader(text, environment: environment)
        while let entry = reader.next() {
            switch entry {
            case .success(let (name, value)):
                self.values[name] = value
                reader.known[name] = value
            case .failure(let mistake): self.mistakes.append(mistake)
            }
        }
    }

    private static func lineOfInvalidUTF8(_ bytes: [UInt8]) -> Int {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0) + 1
    }
}

/// Reads one assignment after the other.
private struct Reader {
    typealias Entry = Result<(String, String), DotEnvFile.Mistake>

    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var line = 1
    private let environment: [String: String]
    /// Of the lines before.
    var known: [String: String] = [:]

    init(_ text: String, environment: [String: String]) {
        // CRLF and a lone CR end a line as LF does, within quotes too.
        var scalars: [Unicode.Scalar] = []
        var isAfterReturn = false
        for scalar in text.unicodeScalars {
            if scalar == "\n", isAfterReturn {
                isAfterReturn = false
                continue
            }
            isAfterReturn = scalar == "\r"
            scalars.append(isAfterReturn ? "\n" : scalar)
        }
        self.scalars = scalars
        self.environment = environment
    }

    /// - Returns: `nil` at the end.
    mutating func next() -> Entry? {
        while let scalar = self.peek {
            if scalar == "\n" || Self.isBlank(scalar) {
                self.advance()
            } else if scalar == "#" {
                self.skipLine()
            } else {
                do throws(DotEnvFile.Mistake) {
                    if let entry = try self.assignment() { return .success(entry) }
                } catch {
                    // The rest of that line, and no more, is given up.
                    self.skipLine()
                    return .failure(error)
                }
            }
        }
        return nil
    }

    // MARK: Lines

    private mutating func assignment() throws(DotEnvFile.Mistake) -> (String, String)? {
        var name = self.word()
        if name == "export", let scalar = self.peek, Self.isBlank(scalar) {
            self.skipBlanks()
            // `export` may be a name itself.
            if self.peek != "=" { name = self.word() }
        }
        guard let first = name.unicodeScalars.first, first == "_" || first.properties.isAlphabetic else {
            throw self.mistake("expected NAME=value")
        }
        let isSpaced = self.skipBlanks()
        switch self.peek {
        case nil,
            "\n",
            "#" where isSpaced:
            // A name alone is taken from the environment, where it is looked for anyway.
            self.skipLine()
            return nil
        case "=": self.advance()
        case ":" where self.peekNext.map { Self.isBlank($0) || $0 == "\n" } ?? true: self.advance()
        default: throw self.mistake("expected NAME=value, and NAME of letters, digits and _")
        }
        return (name, try self.value())
    }

    private mutating func value() throws(DotEnvFile.Mistake) -> String {
        let isSpaced = self.skipBlanks()
        switch self.peek {
        case "'": return try self.quoted("'")
        case "\"": return try self.quoted("\"")
        case "`": return try self.quoted("`")
        default: return try self.unquoted(afterBlank: isSpaced)
        }
    }

    private mutating func unquoted(afterBlank isSpaced: Bool) throws(DotEnvFile.Mistake) -> String {
        var text = ""
        var isAfterBlank = isSpaced
        while let scalar = self.peek, scalar != "\n" {
            if scalar == "#", isAfterBlank { break }
            isAfterBlank = Self.isBlank(scalar)
            if scalar == "\\", self.peekNext == "$" {
                self.advance()
                self.advance()
                text += "$"
            } else if scalar == "$" {
                text += try self.substitution()
            } else {
                text.unicodeScalars.append(scalar)
                self.advance()
            }
        }
        self.skipLine()
        while let last = text.unicodeScalars.last, Self.isBlank(last) { text.unicodeScalars.removeLast() }
        return text
    }

    private mutating func quoted(_ quote: Unicode.Scalar) throws(DotEnvFile.Mistake) -> String {
        let (start, startLine) = (self.index, self.line)
        self.advance()
        var text = ""
        var failure: DotEnvFile.Mistake?
        while let scalar = self.peek, scalar != quote {
            switch (quote, scalar, self.peekNext) {
            case ("'", "\\", "'"): self.take("'", into: &text)
            case ("\"", "\\", "n"): self.take("\n", into: &text)
            case ("\"", "\\", "r"): self.take("\r", into: &text)
            case ("\"", "\\", "t"): self.take("\t", into: &text)
            case ("\"", "\\", let escaped?) where escaped == "\"" || escaped == "\\" || escaped == "$":
                self.take(escaped, into: &text)
            case ("\"", "$", _):
                // The closing quote is looked for all the same: what is behind it is another line.
                do throws(DotEnvFile.Mistake) { text += try self.substitution() } catch { failure = failure ?? error }
            default:
                text.unicodeScalars.append(scalar)
                self.advance()
            }
        }
        guard self.peek == quote else {
            // The lines behind are read as if the quote were not there, so that their mistakes are found as well.
            (self.index, self.line) = (start, startLine)
            throw self.mistake("a quote (\(quote)) that is never closed")
        }
        self.advance()
        let isSpaced = self.skipBlanks()
        guard self.peek == nil || self.peek == "\n" || self.peek == "#" && isSpaced else {
            throw self.mistake("expected the end of the line behind the closing quote (\(quote))")
        }
        self.skipLine()
        if let failure { throw failure }
        return text
    }

    private mutating func take(_ scalar: Unicode.Scalar, into text: inout String) {
        text.unicodeScalars.append(scalar)
        self.advance()
        self.advance()
    }

    // MARK: $NAME and ${NAME}

    private func lookUp(_ name: String) -> String? { self.environment[name] ?? self.known[name] }

    /// - Parameter depth: Of `${…}` in the words of others.
    private mutating func substitution(depth: Int = 0) throws(DotEnvFile.Mistake) -> String {
        self.advance()
        guard self.peek == "{" else {
            let start = self.index
            let name = self.word(isPlain: true)
            if let value = self.lookUp(name), !name.isEmpty { return value }
            self.index = start
            return "$"
        }
        self.advance()
        let name = self.word(isPlain: true)
        var sign = ""
        while let scalar = self.peek, ":-+?".unicodeScalars.contains(scalar), sign.isEmpty || sign == ":" {
            sign.unicodeScalars.append(scalar)
            self.advance()
        }
        var word = ""
        while let scalar = self.peek, scalar != "}", scalar != "\n" {
            if scalar == "$", !sign.isEmpty, depth < 16 {
                word += try self.substitution(depth: depth + 1)
            } else {
                word.unicodeScalars.append(scalar)
                self.advance()
            }
        }
        guard self.peek == "}", !name.isEmpty, sign != ":", !sign.isEmpty || word.isEmpty else {
            throw self.mistake(
                "expected ${NAME} or ${NAME:-instead}; put the value in single quotes to keep it as it is"
            )
        }
        self.advance()
        var value = self.lookUp(name)
        if sign.hasPrefix(":"), value?.isEmpty == true { value = nil }
        switch sign.last {
        case "-": return value ?? word
        case "+": return value == nil ? "" : word
        case "?":
            if value == nil { throw self.mistake("${\(name)} is not set: \(word.isEmpty ? "it is needed" : word)") }
        default: break
        }
        guard let value else {
            throw self.mistake("${\(name)} is not set: say ${\(name):-instead}, or put the value in single quotes")
        }
        return value
    }

    // MARK: Characters

    private var peek: Unicode.Scalar? { self.index < self.scalars.count ? self.scalars[self.index] : nil }
    private var peekNext: Unicode.Scalar? {
        self.index + 1 < self.scalars.count ? self.scalars[self.index + 1] : nil
    }

    private mutating func advance() {
        if self.peek == "\n" { self.line += 1 }
        self.index += 1
    }

    @discardableResult
    private mutating func skipBlanks() -> Bool {
        let start = self.index
        while let scalar = self.peek, Self.isBlank(scalar) { self.advance() }
        return self.index > start
    }

    /// Up to the end of the line, which is left.
    private mutating func skipLine() {
        while let scalar = self.peek, scalar != "\n" { self.advance() }
    }

    /// - Parameter isPlain: Letters, digits and underscores alone.
    private mutating func word(isPlain: Bool = false) -> String {
        var word = ""
        while let scalar = self.peek,
            scalar == "_" || scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
                || !isPlain && (scalar == "." || scalar == "-")
        {
            word.unicodeScalars.append(scalar)
            self.advance()
        }
        return word
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || scalar == "\t" || scalar == "\u{B}" || scalar == "\u{C}" || scalar == "\u{A0}"
    }

    private func mistake(_ text: String) -> DotEnvFile.Mistake { .init(line: self.line, text: text) }
}
