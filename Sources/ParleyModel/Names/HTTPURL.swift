internal import ParleyText

/// A URL of HTTP as settings and flags give one, looked at before anything is made of it.
///
/// Libraries narrow a port to 16 bits, and a number that does not fit ends the process: what is no URL here must not reach one.
package struct HTTPURL: Sendable, Hashable {
    /// What is wrong with a text that is no URL of HTTP.
    package struct Mistake: Error, Sendable, Equatable {
        /// What was expected, to follow "expected". Nothing of the text is in it, as that may hold a password.
        package let expectation: String
    }

    package let text: String
    /// In brackets where it is an address of IPv6.
    package let host: String
    /// 1–65535; `nil`: the scheme's own.
    package let port: Int?
    package let isSecure: Bool

    /// - Parameter text: `http://` or `https://`, a host, perhaps a port from 1 to 65535, and what follows (RFC 3986 §3).
    package init(_ text: String) throws(Mistake) {
        guard let scheme = ["http://", "https://"].first(where: { text.asciiLowercased.utf8.starts(with: $0.utf8) })
        else { throw Mistake(expectation: "a URL that begins with http:// or https://") }
        guard text.utf8.allSatisfy({ 0x20 < $0 && $0 < 0x7F }) else {
            throw Mistake(expectation: "a URL of printable ASCII, without spaces: percent-encode what is not")
        }
        let rest = text.utf8.dropFirst(scheme.utf8.count)
        let whole = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let authority = whole.lastIndex(of: UInt8(ascii: "@")).map { whole[whole.index(after: $0)...] } ?? whole
        let place = try HostAndPort(String(Substring(authority)))
        self.text = text
        self.host = place.host
        self.port = place.port
        self.isSecure = scheme == "https://"
    }

    /// A URL as messages and lists show it: without user and password, and without what stands behind `?`.
    ///
    /// - Parameter text: A URL, or what was meant to be one: rather too much of it is left out than too little.
    package static func shown(_ text: String) -> String {
        // By bytes: to Swift a separator with an accent behind it is another character.
        let end = text.utf8.firstIndex(of: UInt8(ascii: "?")) ?? text.endIndex
        var head = text[..<end]
        var scheme = ""
        if let separator = head.utf8.firstRange(of: "://".utf8) {
            scheme = String(head[..<separator.upperBound])
            head = head[separator.upperBound...]
        }
        // Also where a password has "/" or "?" in it, and ends what would be taken for the authority.
        if let at = text.utf8.lastIndex(of: UInt8(ascii: "@")), at >= head.startIndex {
            let after = text.utf8[text.utf8.index(after: at)...]
            let shown = after.prefix { $0 != UInt8(ascii: "?") }
            return "\(scheme)********@\(Substring(shown))\(shown.endIndex == after.endIndex ? "" : "?********")"
        }
        return "\(scheme)\(head)\(end == text.endIndex ? "" : "?********")"
    }
}

/// A host and perhaps a port, as URLs and settings have them: `chat.example`, `192.0.2.1:8000`, `[2001:db8::1]:8000`.
package struct HostAndPort: Sendable, Hashable {
    /// In lower case; in brackets where it is an address of IPv6.
    package let host: String
    /// 1–65535.
    package let port: Int?

    package init(_ text: String) throws(HTTPURL.Mistake) {
        let bytes = text.utf8
        var host = bytes[...]
        var port: Int?
        let colon = bytes.lastIndex(of: UInt8(ascii: ":"))
        let isInBrackets = bytes.first == UInt8(ascii: "[") && (colon == nil || bytes.last == UInt8(ascii: "]"))
        if let colon, !isInBrackets {
            let digits = bytes[bytes.index(after: colon)...]
            guard let number = Self.port(digits) else {
                throw HTTPURL.Mistake(expectation: "a port from 1 to 65535 behind the colon")
            }
            host = bytes[..<colon]
            port = number
        }
        guard Self.isHost(host) else {
            throw HTTPURL.Mistake(expectation: "the name or address of a host, an address of IPv6 in brackets")
        }
        self.host = String(Substring(host)).asciiLowercased
        self.port = port
    }

    /// Digits alone: `+80` is a number elsewhere.
    package static func port(_ digits: Substring.UTF8View) -> Int? {
        guard (1...5).contains(digits.count), digits.allSatisfy(\.isASCIIDigit),
            let number = Int(Substring(digits)), (1...65535).contains(number)
        else { return nil }
        return number
    }

    /// Letters, digits, hyphens, underscores and dots (RFC 952, RFC 1123 §2.1), or an address of IPv6 in brackets.
    private static func isHost(_ bytes: Substring.UTF8View) -> Bool {
        if bytes.first == UInt8(ascii: "[") {
            let inner = bytes.dropFirst().dropLast()
            return bytes.last == UInt8(ascii: "]") && inner.contains(UInt8(ascii: ":"))
                && inner.allSatisfy { self.isNameByte($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "%") }
        }
        guard (1...253).contains(bytes.count), bytes.allSatisfy(self.isNameByte) else { return false }
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // Nothing but digits and dots is an address of four numbers, not a name.
        if bytes.allSatisfy({ $0 == UInt8(ascii: ".") || $0.isASCIIDigit }) {
            return labels.count == 4 && labels.allSatisfy { UInt8(Substring($0)) != nil }
        }
        // One dot at the end is the root's.
        let isRooted = labels.count > 1 && labels.last?.isEmpty == true
        return labels.dropLast(isRooted ? 1 : 0).allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte.isASCIIAlphanumeric || "-_.".utf8.contains(byte)
    }
}
