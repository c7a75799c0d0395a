/// Why bytes are none of the protocol, or more than is taken. Nothing that follows them can be read.
package struct RESPError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case unknownType, invalidLength, invalidNumber, invalidText, missingLineEnd, misplaced
        case lineTooLong, stringTooLong, valueTooLarge, tooManyElements, tooDeep
    }

    package let code: Code
    /// A sentence: what was expected and what came. No bytes of the peer are in it.
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
