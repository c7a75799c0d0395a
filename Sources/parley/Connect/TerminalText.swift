/// Text of a peer on its way to a terminal.
package enum TerminalText {
    /// The text with everything made visible that could move the cursor or change the terminal, but for line feeds and tabs.
    package static func printable(_ text: String) -> String {
        var printable = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x09, 0x0a: printable.unicodeScalars.append(scalar)
            case 0..<0x20: printable += "^\(Character(Unicode.Scalar(UInt8(scalar.value) + 0x40)))"
            case 0x7f..<0xa0: printable += "\\u{\(String(scalar.value, radix: 16))}"
            default: printable.unicodeScalars.append(scalar)
            }
        }
        return printable
    }
}
