/// As much of a terminal as a ``LineEditor`` needs: the last row with its cursor, and the rows that scrolled up.
struct OneRowTerminal {
    private(set) var scrolled: [String] = []
    private(set) var row = ""
    private(set) var cursor = 0

    mutating func write(_ screen: String) {
        var rest = Substring(screen)
        while let character = rest.popFirst() {
            switch character {
            case "\r": self.cursor = 0
            // One character to Swift.
            case "\r\n":
                self.scrolled.append(self.row)
                self.row = ""
                self.cursor = 0
            case "\u{1b}":
                rest.removeFirst()
                let parameter = rest.prefix { $0.isNumber }
                rest = rest[parameter.endIndex...]
                if rest.removeFirst() == "K" {
                    self.row = String(self.row.prefix(self.cursor))
                } else {
                    self.cursor += Int(parameter) ?? 1
                }
            default:
                self.row.append(character)
                self.cursor += 1
            }
        }
    }
}
