import Testing
import parley

@Suite("Line editor")
struct LineEditorTests {
    typealias Key = LineEditor.Key

    /// Presses the keys that a string of bytes stands for.
    private static func type(_ bytes: String, columns: Int = 80) -> (LineEditor, OneRowTerminal, [LineEditor.KeyAction])
    {
        var editor = LineEditor(history: LineHistory(lines: ["one", "two"]))
        var terminal = OneRowTerminal()
        var parser = KeyParser()
        var actions: [LineEditor.KeyAction] = []
        for key in parser.parse(bytes.utf8) {
            let (action, screen) = editor.press(key, columns: columns)
            terminal.write(screen)
            if action != .none { actions.append(action) }
        }
        return (editor, terminal, actions)
    }

    @Test(
        "Keys edit the line",
        arguments: [
            ("abc", "abc", 3),
            ("ab\u{7f}c", "ac", 2),
            ("abc\u{1b}[D\u{1b}[DX", "aXbc", 2),
            ("abc\u{01}X", "Xabc", 1),
            ("abc\u{1b}[HX\u{1b}[FY", "XabcY", 5),
            ("abc\u{01}\u{05}X", "abcX", 4),
            ("abc\u{01}\u{04}", "bc", 0),
            ("abc\u{01}\u{1b}[3~", "bc", 0),
            ("abc def\u{17}", "abc ", 4),
            ("abc def  \u{17}", "abc ", 4),
            ("abc\u{17}\u{17}", "", 0),
            ("abcdef\u{1b}[D\u{1b}[D\u{0b}", "abcd", 4),
            ("abcdef\u{1b}[D\u{1b}[D\u{15}", "ef", 0),
            ("abc\u{03}", "", 0),
            ("\u{7f}\u{1b}[D\u{1b}[C", "", 0),
            ("äö€🙂\u{7f}", "äö€", 3),
            ("\u{1b}[A", "two", 3),
            ("\u{1b}[A\u{1b}[A", "one", 3),
            ("\u{1b}[A\u{1b}[A\u{1b}[A", "one", 3),
            ("\u{1b}OA\u{1b}OB", "", 0),
            ("draft\u{1b}[A\u{1b}[B", "draft", 5),
            ("draft\u{1b}[B", "draft", 5),
            ("\u{1b}[Ax\u{1b}[B", "", 0),
        ]
    )
    func editing(_ bytes: String, _ text: String, _ cursor: Int) {
        let (editor, terminal, actions) = Self.type(bytes)
        #expect(editor.text == text)
        #expect(terminal.row == "> \(text)")
        #expect(terminal.cursor == 2 + cursor)
        #expect(actions.isEmpty)
    }

    @Test("Enter submits the line, leaves it on the screen and begins another")
    func submit() {
        let (editor, terminal, actions) = Self.type("hello\rworld\r")
        #expect(actions == [.submit("hello"), .submit("world")])
        #expect(terminal.scrolled == ["> hello", "> world"])
        #expect(terminal.row == "> ")
        #expect(editor.history.lines == ["one", "two", "hello", "world"])
    }

    @Test("Ctrl-C and Ctrl-D leave on an empty line only", arguments: ["\u{03}", "\u{04}", "ab\u{03}\u{03}"])
    func leave(_ bytes: String) {
        #expect(Self.type(bytes).2 == [.leave])
    }

    @Test("What comes in is shown above, and what is being typed stays")
    func printing() {
        var (editor, terminal, _) = Self.type("abc\u{1b}[D")
        terminal.write(editor.printing("< one\ntwo", columns: 80))
        #expect(terminal.scrolled == ["< one", "two"])
        #expect(terminal.row == "> abc")
        #expect(terminal.cursor == 4)
        terminal.write(editor.press(.character("X"), columns: 80).screen)
        #expect(terminal.row == "> abXc")
    }

    @Test("Of a long line the part around the cursor is shown")
    func longLine() {
        #expect(Self.type("0123456789", columns: 8).1.row == "> 56789")
        #expect(Self.type("0123456789\u{01}", columns: 8).1.row == "> 01234")
        #expect(Self.type("0123456789\u{01}", columns: 8).1.cursor == 2)
        #expect(Self.type("漢字漢字", columns: 8).1.row == "> 漢字")
        #expect(Self.type("0123456789\r", columns: 8).1.scrolled == ["> 0123456789"])
        #expect(Self.type("abc", columns: 0).1.row == "> c")
    }
}

@Suite("Line history")
struct LineHistoryTests {
    @Test("Blank lines and repetitions are not kept")
    func repetitions() {
        var history = LineHistory()
        for line in ["a", "a", "", "  ", "b", "a"] { history.add(line) }
        #expect(history.lines == ["a", "b", "a"])
    }

    @Test("Five hundred lines are kept, the newest")
    func maximum() {
        var history = LineHistory(lines: (0..<600).map { "\($0)" })
        #expect(history.lines.count == 500)
        history.add("last")
        #expect(history.lines.count == 500)
        #expect(history.lines.first == "101")
        #expect(history.lines.last == "last")
    }
}
