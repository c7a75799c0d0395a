internal import ParleyText

/// Names a backend: 14 characters of a-z and 0-9, made here. Whoever knows it may see how the backend fares.
public struct BackendID: Sendable, Hashable, CustomStringConvertible {
    public let text: String

    /// - Returns: `nil` unless `text` is 1 to 45 characters of a-z, 0-9 and `-`.
    public init?(_ text: some StringProtocol) {
        let isValid = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte.isASCIIDigit || byte == UInt8(ascii: "-")
        }
        guard isValid, (1...45).contains(text.utf8.count) else { return nil }
        self.text = String(text)
    }

    init(unchecked text: String) {
        self.text = text
    }

    public var description: String { self.text }
}
