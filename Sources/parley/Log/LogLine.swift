import Logging
import ParleyModel

/// One line of the log: what happened, when, and the facts to it.
struct LogLine {
    enum Format: String, Sendable { case text, json }

    var time: WallTime
    var level: Logger.Level
    var message: String
    var facts: Logger.Metadata = [:]

    /// Without the newline at its end; there is none within.
    func rendered(as format: Format) -> String {
        let facts = self.facts.sorted { $0.key < $1.key }
        switch format {
        case .text:
            let pairs = facts.map { " \(Self.key($0.key))=\(Self.word($0.value))" }.joined()
            return "\(self.time.iso8601) \(self.level) \(LogText.escaped(self.message, isQuoted: false))\(pairs)"
        case .json:
            var members = [
                "\"time\":\"\(self.time.iso8601)\"", "\"level\":\"\(self.level)\"",
                "\"message\":\(Self.quoted(self.message))",
            ]
            members += facts.map { "\(Self.quoted(Self.own($0.key))):\(Self.json($0.value))" }
            return "{\(members.joined(separator: ","))}"
        }
    }

    // MARK: Text

    /// A name that cannot be taken for anything else.
    private static func key(_ key: String) -> String {
        String(key.map { $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) ? $0 : "_" })
    }

    /// A value, in quotes where it could be taken for more than one fact.
    private static func word(_ value: Logger.MetadataValue) -> String {
        let text = "\(value)"
        let escaped = LogText.escaped(text, isQuoted: true)
        let isPlain = escaped == text && !text.isEmpty && !text.utf8.contains { $0 == 0x20 || $0 == UInt8(ascii: "=") }
        return isPlain ? text : "\"\(escaped)\""
    }

    // MARK: JSON

    /// Members that every line has stay what they are.
    private static func own(_ key: String) -> String {
        ["time", "level", "message"].contains(key) ? key + "_" : key
    }

    private static func quoted(_ text: String) -> String { "\"\(LogText.escaped(text, isQuoted: true))\"" }

    private static func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): return self.quoted(text)
        case .array(let values): return "[\(values.map(self.json).joined(separator: ","))]"
        case .dictionary(let values):
            let members = values.sorted { $0.key < $1.key }.map { "\(self.quoted($0.key)):\(self.json($0.value))" }
            return "{\(members.joined(separator: ","))}"
        case .stringConvertible(let value):
            switch value {
            case let flag as Bool: return flag ? "true" : "false"
            case let number as any BinaryInteger: return "\(number)"
            case let number as Double where number.isFinite: return number.formatted
            default: return self.quoted("\(value)")
            }
        }
    }
}
