import Foundation

/// A page under `docs/`, and the tables in it.
struct Page {
    let text: String

    init(_ name: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        self.text = try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
    }

    /// The cells of the first table whose first column has this heading.
    func rows(withFirstHeading heading: String) -> [[String]] {
        self.tables.first { $0[0].first == heading }.map { Array($0.dropFirst()) } ?? []
    }

    /// The cells of all tables with these headings, one table after the other.
    func allRows(headings: [String]) -> [[String]] {
        self.tables.filter { $0[0] == headings }.flatMap { $0.dropFirst() }
    }

    /// Every table: its headings, then its rows, without the marks of code.
    private var tables: [[[String]]] {
        var tables: [[[String]]] = []
        var isInTable = false
        for line in self.text.split(separator: "\n", omittingEmptySubsequences: false) {
            if !line.hasPrefix("|") {
                isInTable = false
            } else if line.allSatisfy({ "|- :".contains($0) }), isInTable {
                continue
            } else {
                if !isInTable { tables.append([]) }
                isInTable = true
                tables[tables.count - 1].append(Self.cells(line))
            }
        }
        return tables
    }

    private static func cells(_ line: Substring) -> [String] {
        line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "`", with: "") }
    }
}
