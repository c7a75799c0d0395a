import ParleyText

/// What a line that was typed at the prompt asks for.
package enum ConnectInput: Sendable, Equatable {
    case message(String)
    case binary([UInt8])
    case ping
    case close(code: UInt16, reason: String)
    case help
    case quit
    /// A command that cannot be done, with the reason.
    case unusable(String)

    package static let helpText = """
        /ping                   measure the round trip
        /close [CODE] [REASON]  close the connection, with 1000 by default
        /binary HEX             send bytes: /binary 00 ff 10
        /quit                   leave, as do Ctrl-C and Ctrl-D on an empty line
        //text                  send '/text'
        Anything else is sent as it is.
        """

    package init(_ line: String) {
        guard line.hasPrefix("/") else {
            self = .message(line)
            return
        }
        let words = line.split(separator: " ", maxSplits: 1)
        let argument = words.count > 1 ? String(words[1]) : ""
        switch words.first {
        case "/ping": self = .ping
        case "/help": self = .help
        case "/quit": self = .quit
        case "/close": self = Self.close(argument)
        case "/binary":
            self =
                Hexadecimal.decode(argument).flatMap { $0.isEmpty ? nil : .binary($0) }
                ?? .unusable("expected pairs of hexadecimal digits: /binary 00ff10")
        case let word?:
            self =
                word.hasPrefix("//")
                ? .message(String(line.dropFirst()))
                : .unusable(
                    "there is no command \(word): /help lists them; a text that begins with '/' is sent with '//'"
                )
        case nil: self = .message(line)
        }
    }

    private static func close(_ argument: String) -> ConnectInput {
        let words = argument.split(separator: " ", maxSplits: 1)
        guard let first = words.first else { return .close(code: 1000, reason: "") }
        guard let code = UInt16(first), code == 1000 || (3000...4999).contains(code) else {
            return .unusable("expected a close code, 1000 or 3000 to 4999: /close 1000 bye")
        }
        return .close(code: code, reason: words.count > 1 ? String(words[1]) : "")
    }
}
