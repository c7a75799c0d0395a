import Foundation
import Synchronization

/// The terminal: a ``LineEditor`` in its last row. May be written to from any task.
final class Screen: Sendable {
    private struct State {
        var editor: LineEditor
        /// The terminal's settings before.
        var original: termios?
    }

    private let state: Mutex<State>

    init(history: LineHistory) {
        self.state = Mutex(State(editor: LineEditor(history: history)))
    }

    var history: LineHistory { self.state.withLock { $0.editor.history } }

    /// Takes keys one by one from now on, without the terminal's own echo and line editing.
    func begin() {
        self.state.withLock { state in
            var settings = termios()
            guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
            state.original = settings
            cfmakeraw(&settings)
            tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
        }
    }

    /// Gives the terminal back as it was.
    func end() {
        self.state.withLock { state in
            guard var original = state.original else { return }
            state.original = nil
            Self.write("\r\u{1b}[K")
            tcsetattr(STDIN_FILENO, TCSADRAIN, &original)
        }
    }

    func press(_ key: LineEditor.Key) -> LineEditor.KeyAction {
        self.state.withLock { state in
            let (action, screen) = state.editor.press(key, columns: Self.columns)
            Self.write(screen)
            return action
        }
    }

    /// Writes above the line that is being typed.
    func print(_ text: String) {
        self.state.withLock { Self.write($0.editor.printing(text, columns: Self.columns)) }
    }

    private static var columns: Int {
        var size = winsize()
        let result = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
        return result == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    private static func write(_ text: String) {
        StandardOutput.write(Array(text.utf8))
    }
}
