/// The lines that were entered, and where in them somebody is looking.
package struct LineHistory: Sendable, Equatable {
    /// The oldest are forgotten beyond it.
    package static let maximumLines = 500

    /// Oldest first.
    package private(set) var lines: [String]
    /// The line that is looked at; the count of lines: the one being typed.
    private var position: Int
    /// What was being typed when somebody went up.
    private var draft = ""

    package init(lines: some Sequence<String> = []) {
        self.lines = lines.suffix(Self.maximumLines)
        self.position = self.lines.count
    }

    /// Keeps a line, unless it is blank or the same as the last one.
    package mutating func add(_ line: String) {
        if line.contains(where: { !$0.isWhitespace }), line != self.lines.last { self.lines.append(line) }
        if self.lines.count > Self.maximumLines { self.lines.removeFirst() }
        self.position = self.lines.count
        self.draft = ""
    }

    /// - Parameter text: What is on the screen, to come back to.
    /// - Returns: `nil` at the oldest line.
    mutating func older(than text: String) -> String? {
        guard self.position > 0 else { return nil }
        if self.position == self.lines.count { self.draft = text }
        self.position -= 1
        return self.lines[self.position]
    }

    /// - Returns: `nil` at the line being typed.
    mutating func newer() -> String? {
        guard self.position < self.lines.count else { return nil }
        self.position += 1
        return self.position == self.lines.count ? self.draft : self.lines[self.position]
    }
}
