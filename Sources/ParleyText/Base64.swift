/// Base64 of RFC 4648: how bytes travel where only text can.
///
/// All of it goes from memory to memory that the caller has, so that any kind of buffer is read and filled in place.
package enum Base64 {
    package enum Alphabet: Sendable {
        /// §4, with `+` and `/`; padded.
        case standard
        /// §5, with `-` and `_`, for URLs and names of files; not padded, as in tokens (RFC 7515 §2).
        case url
    }

    /// How texts are read that no encoder would have written.
    package enum Reading: Sendable {
        /// They are refused, so that no two texts mean the same (§3.5): padding is there or not as the alphabet has it, and the
        /// bits left over in the last character are zero.
        case strict
        /// Padding may be absent, as some clients leave it out, but not wrong; bits left over are ignored.
        case lenient
    }

    // MARK: Writing

    /// How many characters `count` bytes are written as.
    package static func encodedCount(_ count: Int, alphabet: Alphabet = .standard) -> Int {
        alphabet == .standard ? (count + 2) / 3 * 4 : (count * 4 + 2) / 3
    }

    /// - Parameter output: At least ``encodedCount(_:alphabet:)`` bytes.
    /// - Returns: How many were written.
    @discardableResult
    package static func encode(
        _ bytes: UnsafeRawBufferPointer,
        alphabet: Alphabet = .standard,
        into output: UnsafeMutableRawBufferPointer
    ) -> Int {
        let total = self.encodedCount(bytes.count, alphabet: alphabet)
        precondition(output.count >= total, "base64 is longer than what it stands for")
        let digits = (alphabet == .standard ? self.standardDigits : self.urlDigits).utf8Start
        var index = 0
        var end = 0
        while index + 3 <= bytes.count {
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            output[end] = digits[Int(group >> 18)]
            output[end + 1] = digits[Int(group >> 12 & 63)]
            output[end + 2] = digits[Int(group >> 6 & 63)]
            output[end + 3] = digits[Int(group & 63)]
            index += 3
            end += 4
        }
        let rest = bytes.count - index
        guard rest > 0 else { return total }
        let group = UInt32(bytes[index]) << 16 | (rest == 2 ? UInt32(bytes[index + 1]) << 8 : 0)
        output[end] = digits[Int(group >> 18)]
        output[end + 1] = digits[Int(group >> 12 & 63)]
        if rest == 2 { output[end + 2] = digits[Int(group >> 6 & 63)] }
        if alphabet == .standard {
            if rest == 1 { output[end + 2] = self.padding }
            output[end + 3] = self.padding
        }
        return total
    }

    package static func encode(_ bytes: UnsafeRawBufferPointer, alphabet: Alphabet = .standard) -> String {
        String(unsafeUninitializedCapacity: self.encodedCount(bytes.count, alphabet: alphabet)) {
            self.encode(bytes, alphabet: alphabet, into: UnsafeMutableRawBufferPointer($0))
        }
    }

    // MARK: Reading

    /// The most bytes that `count` characters stand for.
    package static func maximumDecodedCount(_ count: Int) -> Int { count / 4 * 3 + count % 4 * 3 / 4 }

    /// Reads `text`. Characters outside of the alphabet are refused, spaces and line breaks among them, and so are lengths that no
    /// bytes have.
    /// - Parameter output: At least ``maximumDecodedCount(_:)`` bytes.
    /// - Returns: How many bytes were written; `nil`: `text` is refused, and what is in `output` means nothing.
    package static func decode(
        _ text: UnsafeRawBufferPointer,
        _ reading: Reading,
        alphabet: Alphabet = .standard,
        into output: UnsafeMutableRawBufferPointer
    ) -> Int? {
        precondition(output.count >= self.maximumDecodedCount(text.count), "the bytes do not fit")
        guard let digits = self.withoutPadding(text) else { return nil }
        if reading == .strict {
            let isPadded = alphabet == .standard
            guard isPadded ? text.count % 4 == 0 : digits.count == text.count else { return nil }
        }
        let values = alphabet == .standard ? self.standardValues : self.urlValues
        guard let leftOver = self.decode(digits, by: values, into: output) else { return nil }
        if reading == .strict, leftOver != 0 { return nil }
        return self.maximumDecodedCount(digits.count)
    }

    /// The same into an array, of text that need not lie in one piece.
    package static func decode(
        _ text: some Sequence<UInt8>,
        _ reading: Reading,
        alphabet: Alphabet = .standard
    ) -> [UInt8]? {
        func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
            var isRefused = false
            let bytes = [UInt8](unsafeUninitializedCapacity: self.maximumDecodedCount(text.count)) { output, count in
                let written = self.decode(
                    text,
                    reading,
                    alphabet: alphabet,
                    into: UnsafeMutableRawBufferPointer(output)
                )
                isRefused = written == nil
                count = written ?? 0
            }
            return isRefused ? nil : bytes
        }
        return text.withContiguousStorageIfAvailable { decode(UnsafeRawBufferPointer($0)) }
            ?? Array(text).withUnsafeBytes { decode($0) }
    }

    /// Whether `byte` is one of the standard alphabet, which padding is not.
    package static func isDigit(_ byte: UInt8) -> Bool { self.standardValues[Int(byte)] & self.invalid == 0 }
}

extension Base64 {
    private static let padding = UInt8(ascii: "=")

    private static let standardDigits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    private static let urlDigits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    /// The value of each digit, by its byte.
    private static let standardValues = Self.values(of: Self.standardDigits)
    private static let urlValues = Self.values(of: Self.urlDigits)

    /// Stands for the value of a byte that is no digit: a bit that no digit has.
    private static let invalid: UInt8 = 0x80

    private static func values(of digits: StaticString) -> [UInt8] {
        var values = [UInt8](repeating: self.invalid, count: 256)
        for value in 0..<64 { values[Int(digits.utf8Start[value])] = UInt8(value) }
        return values
    }

    private static func withoutPadding(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var count = text.count
        // Padding fills the last group of four; more than two characters of it would be padding of nothing.
        while count > 0, count > text.count - 2, text[count - 1] == self.padding { count -= 1 }
        guard count == text.count || text.count % 4 == 0, count % 4 != 1 else { return nil }
        return UnsafeRawBufferPointer(rebasing: text[..<count])
    }

    /// - Returns: The bits that are left over in the last digit; `nil`: there is a byte that is no digit.
    private static func decode(
        _ digits: UnsafeRawBufferPointer,
        by values: [UInt8],
        into output: UnsafeMutableRawBufferPointer
    ) -> UInt8? {
        values.withUnsafeBufferPointer { values in
            // Gathered over the whole text, so that the loop has no branch.
            var seen: UInt8 = 0
            var index = 0
            var end = 0
            while index + 4 <= digits.count {
                let a = values[Int(digits[index])]
                let b = values[Int(digits[index + 1])]
                let c = values[Int(digits[index + 2])]
                let d = values[Int(digits[index + 3])]
                seen |= a | b | c | d
                output[end] = a << 2 | b >> 4
                output[end + 1] = b << 4 | c >> 2
                output[end + 2] = c << 6 | d
                index += 4
                end += 3
            }
            let rest = digits.count - index
            var leftOver: UInt8 = 0
            if rest >= 2 {
                let a = values[Int(digits[index])]
                let b = values[Int(digits[index + 1])]
                let c = rest == 3 ? values[Int(digits[index + 2])] : 0
                seen |= a | b | c
                output[end] = a << 2 | b >> 4
                if rest == 3 { output[end + 1] = b << 4 | c >> 2 }
                leftOver = rest == 3 ? c & 3 : b & 15
            }
            return seen & self.invalid == 0 ? leftOver : nil
        }
    }
}
