/// One editable line with history: keys in, screen out. Knows no terminal.
///
/// It occupies one row of the screen; of a longer line it shows the part around the cursor.
package struct LineEditor: Sendable {
    /// What somebody pressed.
    package enum Key: Sendable, Equatable {
        case character(Character)
        case enter
        case backspace
        case delete
        case left
        case right
        case up
        case down
        case home
        case end
        case killToStart
        case killToEnd
        case killWord
        case redraw
        /// Ctrl-C.
        case interrupt
        /// Ctrl-D.
        case endOfInput
    }

    /// What a key means for the program.
    package enum KeyAction: Sendable, Equatable {
        case none
        case submit(String)
        case leave
    }

    package static let prompt = "> "

    package private(set) var history: LineHistory
    private var line: [Character] = []
    private var cursor = 0

    package init(history: LineHistory = LineHistory()) {
        self.history = history
    }

    package var text: String { String(self.line) }

    /// - Parameter columns: The width of the screen.
    /// - Returns: What to do, and what to write to the screen before.
    package mutating func press(_ key: Key, columns: Int) -> (KeyAction, screen: String) {
        switch key {
        case .enter:
            let text = self.text
            self.replaceLine(with: "")
            self.history.add(text)
            return (.submit(text), "\(Self.clear)\(Self.prompt)\(text)\r\n\(self.rendered(columns: columns))")
        case .interrupt where self.line.isEmpty, .endOfInput where self.line.isEmpty:
            return (.leave, "\(Self.clear)")
        default:
            self.edit(key)
            return (.none, self.rendered(columns: columns))
        }
    }

    /// The screen with `text` above the line that is being typed. Line feeds in it begin new rows.
    package func printing(_ text: String, columns: Int) -> String {
        let rows = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
        return "\(Self.clear)\(rows)\r\n\(self.rendered(columns: columns))"
    }

    private mutating func edit(_ key: Key) {
        switch key {
        case .character(let character):
            self.line.insert(character, at: self.cursor)
            self.cursor += 1
        case .backspace where self.cursor > 0: self.kill(self.cursor - 1..<self.cursor)
        case .delete where self.cursor < self.line.count, .endOfInput where self.cursor < self.line.count:
            self.kill(self.cursor..<self.cursor + 1)
        case .left: self.cursor = max(self.cursor - 1, 0)
        case .right: self.cursor = min(self.cursor + 1, self.line.count)
        case .up: if let older = self.history.older(than: self.text) { self.replaceLine(with: older) }
        case .down: if let newer = self.history.newer() { self.replaceLine(with: newer) }
        case .home: self.cursor = 0
        case .end: self.cursor = self.line.count
        case .killToStart: self.kill(0..<self.cursor)
        case .killToEnd: self.kill(self.cursor..<self.line.count)
        case .killWord:
            let word = self.line[..<self.cursor].lastIndex { !$0.isWhitespace } ?? -1
            let space = word < 0 ? -1 : self.line[...word].lastIndex { $0.isWhitespace } ?? -1
            self.kill(space + 1..<self.cursor)
        case .interrupt: self.replaceLine(with: "")
        case .redraw, .enter, .backspace, .delete, .endOfInput: break
        }
    }

    private mutating func kill(_ range: Range<Int>) {
        self.line.removeSubrange(range)
        self.cursor = range.lowerBound
    }

    private mutating func replaceLine(with text: String) {
        self.line = Array(text)
        self.cursor = self.line.count
    }

    // MARK: The screen

    /// To the first column, and nothing behind it: ECMA-48 EL.
    private static let clear = "\r\u{1b}[K"

    /// The row as it should look, and the cursor where it belongs.
    private func rendered(columns: Int) -> String {
        let room = max(columns - Self.prompt.count - 1, 1)
        var start = self.cursor
        var before = 0
        while start > 0, before + self.line[start - 1].columns <= room {
            start -= 1
            before += self.line[start].columns
        }
        var end = self.cursor
        var shown = before
        while end < self.line.count, shown + self.line[end].columns <= room {
            shown += self.line[end].columns
            end += 1
        }
        let column = Self.prompt.count + before
        return "\(Self.clear)\(Self.prompt)\(String(self.line[start..<end]))\r\u{1b}[\(column)C"
    }
}

extension Character {
    /// Cells of the screen: two for what East Asian typography makes wide, and for pictures.
    fileprivate var columns: Int {
        guard let scalar = self.unicodeScalars.first else { return 0 }
        switch scalar.value {
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
            0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
            return 2
        default:
            return 1
        }
    }
}
