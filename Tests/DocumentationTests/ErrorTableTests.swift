import Foundation
import ParleyModel
import Testing

@testable import parley

/// The pages under `docs/` print tables that live in the sources: they must say the same.
@Suite struct ErrorTableTests {
    @Test("docs/errors.md prints every close reason, in order")
    func closeReasons() throws {
        let expected = CloseReason.all.map { ["\($0.code)", $0.reason, $0.mayReconnect ? "yes" : "no", $0.label] }
        #expect(try Page("errors.md").rows(withFirstHeading: "code") == expected)
    }

    @Test("docs/errors.md prints every refusal, in order")
    func refusals() throws {
        let expected = Refusal.all.map { ["\($0.status)", $0.text, $0.label] }
        #expect(try Page("errors.md").rows(withFirstHeading: "status") == expected)
    }

    @Test("docs/errors.md prints every failure of session backends, in order")
    func backendFailures() throws {
        let expected = BackendFailure.all.map { ["\($0.status)", $0.code, "\($0.planeStatus)", $0.kind, $0.text] }
        #expect(try Page("errors.md").rows(withFirstHeading: "HTTP") == expected)
    }

    @Test("docs/configuration.md names every setting by each of its names")
    func settings() throws {
        let text = try Page("configuration.md").text
        for name in Setting.all.flatMap(\.names) {
            #expect(text.contains("`\(name)`"), "\(name) is missing")
        }
    }
}

private struct Page {
    let text: String

    init(_ name: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        self.text = try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
    }

    /// The cells of the first table whose first column has this heading.
    func rows(withFirstHeading heading: String) -> [[String]] {
        let lines = self.text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0.hasPrefix("| \(heading) |") }) else { return [] }
        return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "`", with: "") }
        }
    }
}
