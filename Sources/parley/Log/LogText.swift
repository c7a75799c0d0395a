import ParleyModel
import ParleyText

/// Text from wherever, made fit for one line of a log.
///
/// Control characters, line and paragraph separators, and what changes the direction of text or cannot be seen, become escapes:
/// nothing that a peer sends ends a line, colours a terminal, or makes one line look like another.
enum LogText {
    /// Bytes of one value.
    static let maximumBytes = 4096

    /// - Parameter isQuoted: Whether quotes and backslashes are escaped as well.
    static func escaped(_ text: String, isQuoted: Bool) -> String {
        let text = self.shortened(text)
        if text.utf8.allSatisfy({ self.isPlain($0) && !(isQuoted && ($0 == 0x22 || $0 == 0x5C)) }) { return text }
        var result = ""
        result.reserveCapacity(text.utf8.count + 16)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"" where isQuoted: result += "\\\""
            case "\\" where isQuoted: result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where self.isHarmful(scalar):
                for unit in UTF16.encode(scalar)! { result += "\\u" + Hexadecimal.encode(unit: unit) }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Every URL in it as ``HTTPURL/shown(_:)`` has it.
    static func withoutCredentials(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let separator = rest.utf8.firstRange(of: "://".utf8) {
            let isPart: (Character) -> Bool = { !$0.isWhitespace && $0 != "'" && $0 != "\"" && $0 != "`" }
            let url = rest[separator.lowerBound...].prefix(while: isPart)
            result += rest[..<separator.lowerBound]
            // The sentence's own.
            let end = url.reversed().prefix { ".,;:)".contains($0) }.count
            result += HTTPURL.shown(String(url.dropLast(end))) + url.suffix(end)
            rest = rest[url.endIndex...]
        }
        return result + rest
    }

    private static func isPlain(_ byte: UInt8) -> Bool { 0x20 <= byte && byte < 0x7F }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }

    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > self.maximumBytes else { return text }
        let kept = text.unicodeScalars.prefix(self.maximumBytes / 4)
        return String(kept) + "…"
    }
}
