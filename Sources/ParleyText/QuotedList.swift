/// Elements of a header field that may have quoted strings in them (RFC 9110 §5.6.1, §5.6.4), such as those of `Forwarded`.
package enum QuotedList {
    /// What stands between the separators, blanks and all, in order: at least one. A separator in a quoted string is none.
    /// - Parameter isOpen: Whether the last element has a quotation that does not end: another one that followed would be in it.
    package static func elements(
        of value: Substring,
        separatedBy separator: UInt8
    ) -> (elements: [Substring], isOpen: Bool) {
        var elements: [Substring] = []
        let bytes = value.utf8
        var start = bytes.startIndex
        var (isQuoted, isEscaped) = (false, false)
        for index in bytes.indices {
            let byte = bytes[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == separator, !isQuoted {
                elements.append(value[start..<index])
                start = bytes.index(after: index)
            }
        }
        elements.append(value[start...])
        return (elements, isQuoted)
    }
}
