/// Makes keys of the bytes that a terminal sends (ECMA-48, xterm). What it does not know is left out.
package struct KeyParser: Sendable {
    private enum State {
        case ground
        /// After ESC.
        case escape
        /// After ESC [ or ESC O, with the parameters so far.
        case sequence(parameters: [UInt8])
        /// Within a character of several bytes.
        case character([UInt8], missing: Int)
    }

    private var state = State.ground

    package init() {}

    package mutating func parse(_ bytes: some Sequence<UInt8>) -> [LineEditor.Key] {
        bytes.compactMap { self.parse($0) }
    }

    private mutating func parse(_ byte: UInt8) -> LineEditor.Key? {
        switch self.state {
        case .ground: return self.parseFirst(byte)
        case .escape:
            let isSequence = byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O")
            self.state = isSequence ? .sequence(parameters: []) : .ground
            return nil
        case .sequence(let parameters) where byte < 0x40:
            self.state = .sequence(parameters: Array((parameters + [byte]).suffix(16)))
            return nil
        case .sequence(let parameters):
            self.state = .ground
            return Self.key(final: byte, parameters)
        case .character(let bytes, let missing):
            // Not a continuation: what came before it was no character.
            guard byte & 0xc0 == 0x80 else {
                self.state = .ground
                return self.parseFirst(byte)
            }
            self.state = missing > 1 ? .character(bytes + [byte], missing: missing - 1) : .ground
            return missing > 1
                ? nil : String(validating: bytes + [byte], as: UTF8.self).flatMap(\.first).map { .character($0) }
        }
    }

    private mutating func parseFirst(_ byte: UInt8) -> LineEditor.Key? {
        switch byte {
        case 0x1b: self.state = .escape
        case 0xc2...0xdf: self.state = .character([byte], missing: 1)
        case 0xe0...0xef: self.state = .character([byte], missing: 2)
        case 0xf0...0xf4: self.state = .character([byte], missing: 3)
        case 0x20..<0x7f: return .character(Character(Unicode.Scalar(byte)))
        default: return Self.control(byte)
        }
        return nil
    }

    private static func control(_ byte: UInt8) -> LineEditor.Key? {
        switch byte {
        case 0x01: .home  // ctrl-a
        case 0x02: .left  // ctrl-b
        case 0x03: .interrupt
        case 0x04: .endOfInput
        case 0x05: .end  // ctrl-e
        case 0x06: .right  // ctrl-f
        case 0x08, 0x7f: .backspace
        case 0x09: .character("\t")
        case 0x0a, 0x0d: .enter
        case 0x0b: .killToEnd  // ctrl-k
        case 0x0c: .redraw  // ctrl-l
        case 0x0e: .down  // ctrl-n
        case 0x10: .up  // ctrl-p
        case 0x15: .killToStart  // ctrl-u
        case 0x17: .killWord  // ctrl-w
        default: nil
        }
    }

    private static func key(final byte: UInt8, _ parameters: [UInt8]) -> LineEditor.Key? {
        switch byte {
        case UInt8(ascii: "A"): return .up
        case UInt8(ascii: "B"): return .down
        case UInt8(ascii: "C"): return .right
        case UInt8(ascii: "D"): return .left
        case UInt8(ascii: "H"): return .home
        case UInt8(ascii: "F"): return .end
        case UInt8(ascii: "~"):
            switch String(decoding: parameters.prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self) {
            case "1", "7": return .home
            case "3": return .delete
            case "4", "8": return .end
            default: return nil
            }
        default: return nil
        }
    }
}
