import Foundation
import Logging
import ParleyModel
import Testing

@testable import parley

@Suite struct LogLineTests {
    private func line(_ message: String, _ facts: Logger.Metadata = [:]) -> LogLine {
        LogLine(time: WallTime(milliseconds: 0), level: .info, message: message, facts: facts)
    }

    /// What ends a line, moves a cursor, colours, hides or reverses text somewhere.
    static let harmful = [
        "\n", "\r", "\r\n", "\t", "\u{0}", "\u{7}", "\u{8}", "\u{B}", "\u{C}", "\u{1B}[31m", "\u{7F}", "\u{85}",
        "\u{9B}31m", "\u{AD}", "\u{200B}", "\u{200E}", "\u{2028}", "\u{2029}", "\u{202E}", "\u{2066}", "\u{FEFF}",
        "\u{E0041}",
    ]

    @Test("Nothing that anybody sends ends or colours a line", arguments: harmful, [LogLine.Format.text, .json])
    func harmless(text: String, format: LogLine.Format) {
        let evil: Logger.MetadataValue = "a\(text)b"
        let line = self.line(
            "said \(text) it",
            [
                "plain": evil, "list": [evil], "map": ["a\(text)": evil], "key\(text)": "1",
                "wrapped": .stringConvertible(Wrapped(text)),
            ]
        ).rendered(as: format)
        for scalar in line.unicodeScalars {
            let harmful: [Unicode.GeneralCategory] = [.control, .format, .lineSeparator, .paragraphSeparator]
            #expect(!harmful.contains(scalar.properties.generalCategory), "\(scalar.value)")
        }
    }

    private struct Wrapped: CustomStringConvertible, Sendable {
        let description: String
        init(_ text: String) { self.description = text }
    }

    @Test(
        "A fact in text cannot be taken for another",
        arguments: [
            ("alice", "alice"), ("", "\"\""), ("a b", "\"a b\""), ("x level=error", "\"x level=error\""),
            ("a=b", "\"a=b\""), ("a\"b", "\"a\\\"b\""), ("a\\nb", "\"a\\\\nb\""), ("a\nb", "\"a\\nb\""),
            ("ä→", "ä→"),
        ]
    )
    func words(value: String, word: String) {
        #expect(
            self.line("done", ["who": "\(value)"]).rendered(as: .text)
                == "1970-01-01T00:00:00.000Z info done who=\(word)"
        )
    }

    @Test("In JSON every line is one object, and numbers are numbers")
    func json() throws {
        let rendered = self.line(
            "said \"hi\"\u{2028}",
            [
                "count": .stringConvertible(3), "ratio": .stringConvertible(0.5),
                "port": .stringConvertible(UInt16(80)),
                "flag": .stringConvertible(true), "text": "5", "list": ["a", .stringConvertible(1)],
                "map": ["k\n": "v"], "level": "mine", "nan": .stringConvertible(Double.nan),
            ]
        ).rendered(as: .json)
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(rendered.utf8)) as? [String: Any]
        )
        #expect(object["message"] as? String == "said \"hi\"\u{2028}")
        #expect(object["level"] as? String == "info")
        #expect(object["level_"] as? String == "mine")
        #expect(object["text"] as? String == "5")
        #expect(object["nan"] as? String == "nan")
        #expect(object["map"] as? [String: String] == ["k\n": "v"])
        for fact in ["\"count\":3", "\"ratio\":0.5", "\"port\":80", "\"flag\":true", "\"list\":[\"a\",1]"] {
            #expect(rendered.contains(fact), "\(fact)")
        }
    }

    @Test("A value is of bounded length", arguments: [LogLine.Format.text, .json])
    func length(format: LogLine.Format) {
        let long = String(repeating: "\u{1}", count: 1 << 20)
        #expect(self.line(long, ["a": "\(long)"]).rendered(as: format).utf8.count < 20 * LogText.maximumBytes)
    }
}
