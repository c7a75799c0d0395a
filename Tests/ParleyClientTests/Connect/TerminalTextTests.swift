import Testing
import parley

@Suite("Terminal text")
struct TerminalTextTests {
    @Test(
        "What could change the terminal is made visible, and nothing else",
        arguments: [
            ("plain – ünï 🙂\tand\nmore", "plain – ünï 🙂\tand\nmore"),
            ("\u{1b}[2J", "^[[2J"),
            ("a\rb\u{00}\u{07}", "a^Mb^@^G"),
            ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
            ("a\r\nb", "a^M\nb"),
        ]
    )
    func printable(_ text: String, _ printable: String) {
        #expect(TerminalText.printable(text) == printable)
    }
}
