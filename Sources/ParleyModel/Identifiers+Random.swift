internal import ParleyText

/// Identifiers made of random bits, in the forms that the dialects show on the wire.
public enum RandomIdentifier {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-".utf8)

    /// `length` characters of `A-Za-z0-9_-`, six bits each: 21 make a nanoid.
    public static func urlSafe(length: Int, using random: inout any RandomNumberGenerator) -> String {
        var bits: UInt64 = 0
        var available = 0
        return String(unsafeUninitializedCapacity: length) { bytes in
            for index in 0..<length {
                if available < 6 {
                    bits = random.next()
                    available = 64
                }
                bytes[index] = Self.alphabet[Int(bits & 63)]
                bits >>= 6
                available -= 6
            }
            return length
        }
    }

    /// A UUID of version 4 in canonical lower-case form (RFC 9562 §5.4).
    public static func uuid(using random: inout any RandomNumberGenerator) -> String {
        var high = random.next()
        var low = random.next()
        high = high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        low = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return String(unsafeUninitializedCapacity: 36) { bytes in
            var written = 0
            for nibble in 0..<32 {
                if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
                    bytes[written] = UInt8(ascii: "-")
                    written += 1
                }
                let word = nibble < 16 ? high : low
                bytes[written] = Hexadecimal.digit(UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (nibble & 15))))
                written += 1
            }
            return written
        }
    }

    /// `length` characters of base 36, as room ids of the issuing API have them.
    public static func base36(length: Int, using random: inout any RandomNumberGenerator) -> String {
        let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
        return String(unsafeUninitializedCapacity: length) { bytes in
            for index in 0..<length {
                bytes[index] = digits[Int(UInt64.random(in: 0..<36, using: &random))]
            }
            return length
        }
    }
}
