/// Validates UTF-8 that arrives in pieces (RFC 3629), and says no at the first byte that cannot be part of it.
///
/// Overlong forms, surrogates and code points above U+10FFFF are all decided by the byte after the lead, so between two
/// bytes it is enough to know how many must follow and what range the next must fall into.
struct UTF8Validator: Equatable {
    private var remaining: UInt8 = 0
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xbf

    /// False in the middle of a character: a message must not end here.
    var isComplete: Bool { self.remaining == 0 }

    /// - Returns: False when `bytes` cannot continue the text; the validator is of no further use then.
    mutating func consume(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let count = bytes.count
        var index = 0
        while index < count, self.remaining > 0 {
            guard self.step(bytes[index]) else { return false }
            index &+= 1
        }
        while index < count {
            // Most text is ASCII, even in JSON of other scripts: sixteen bytes at a time.
            while index &+ 16 <= count {
                let words = base.loadUnaligned(fromByteOffset: index, as: SIMD2<UInt64>.self)
                guard (words.x | words.y) & 0x8080_8080_8080_8080 == 0 else { break }
                index &+= 16
            }
            // Then by character until sixteen bytes are worth trying again.
            let stop = min(count, index &+ 16)
            while index < stop {
                let byte = bytes[index]
                index &+= 1
                if byte < 0x80 { continue }
                guard self.step(byte) else { return false }
                while self.remaining > 0, index < count {
                    guard self.step(bytes[index]) else { return false }
                    index &+= 1
                }
            }
        }
        return true
    }

    /// The table of RFC 3629 §4, one byte at a time.
    @inline(__always)
    private mutating func step(_ byte: UInt8) -> Bool {
        if self.remaining > 0 {
            guard byte >= self.lower, byte <= self.upper else { return false }
            self.remaining &-= 1
            self.lower = 0x80
            self.upper = 0xbf
            return true
        }
        switch byte {
        case 0x00...0x7f: break
        case 0xc2...0xdf: self.remaining = 1
        case 0xe0: (self.remaining, self.lower) = (2, 0xa0)  // below: overlong
        case 0xed: (self.remaining, self.upper) = (2, 0x9f)  // above: surrogates
        case 0xe1...0xef: self.remaining = 2
        case 0xf0: (self.remaining, self.lower) = (3, 0x90)  // below: overlong
        case 0xf1...0xf3: self.remaining = 3
        case 0xf4: (self.remaining, self.upper) = (3, 0x8f)  // above: past U+10FFFF
        default: return false
        }
        return true
    }

    /// Whether `bytes` are UTF-8 from beginning to end.
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var validator = UTF8Validator()
        return validator.consume(bytes) && validator.isComplete
    }
}
