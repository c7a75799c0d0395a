package import NIOCore

/// Base64 of RFC 4648, section 4: how bytes travel where only text can.
package enum Base64 {
    /// How many characters ``encode(_:into:)`` writes for `count` bytes.
    package static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Appends the readable bytes of `bytes` in the standard alphabet, padded.
    package static func encode(_ bytes: ByteBuffer, into buffer: inout ByteBuffer) {
        let count = Self.encodedCount(bytes.readableBytes)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { output in
            bytes.withUnsafeReadableBytes { Self.encode($0, into: output) }
            return count
        }
    }

    /// The bytes that `text` stands for.
    ///
    /// Padding may be absent, as some clients leave it out, but not wrong. Bits left over in the last character are ignored.
    /// - Returns: `nil` for a character outside of the standard alphabet, spaces and line breaks among them, or a length that no
    ///   bytes have.
    package static func decode(_ text: ByteBuffer) -> ByteBuffer? {
        text.withUnsafeReadableBytes { text in
            guard let digits = Self.withoutPadding(text) else { return nil }
            let count = digits.count * 3 / 4
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            var isValid = false
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { output in
                isValid = Self.decode(digits, into: output)
                return count
            }
            return isValid ? buffer : nil
        }
    }
}

extension Base64 {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    /// What is in ``values`` for a byte that is no digit: a bit that no digit has.
    private static let invalid: UInt8 = 0x80

    /// The value of each digit, by its byte.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: Self.invalid, count: 256)
        for value in 0..<64 { values[Int(Self.alphabet.utf8Start[value])] = UInt8(value) }
        return values
    }()

    private static func encode(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
        let digits = Self.alphabet.utf8Start
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
        guard rest > 0 else { return }
        let group = UInt32(bytes[index]) << 16 | (rest == 2 ? UInt32(bytes[index + 1]) << 8 : 0)
        output[end] = digits[Int(group >> 18)]
        output[end + 1] = digits[Int(group >> 12 & 63)]
        output[end + 2] = rest == 2 ? digits[Int(group >> 6 & 63)] : UInt8(ascii: "=")
        output[end + 3] = UInt8(ascii: "=")
    }

    private static func withoutPadding(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var count = text.count
        // Padding fills the last group of four; more than two characters of it would be padding of nothing.
        while count > 0, count > text.count - 2, text[count - 1] == UInt8(ascii: "=") { count -= 1 }
        guard count == text.count || text.count % 4 == 0, count % 4 != 1 else { return nil }
        return UnsafeRawBufferPointer(rebasing: text[..<count])
    }

    /// - Returns: False when there is a byte that is no digit; what is in `output` then means nothing.
    private static func decode(_ digits: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Bool {
        Self.values.withUnsafeBufferPointer { values in
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
            if rest >= 2 {
                let a = values[Int(digits[index])]
                let b = values[Int(digits[index + 1])]
                let c = rest == 3 ? values[Int(digits[index + 2])] : 0
                seen |= a | b | c
                output[end] = a << 2 | b >> 4
                if rest == 3 { output[end + 1] = b << 4 | c >> 2 }
            }
            return seen & Self.invalid == 0
        }
    }
}
