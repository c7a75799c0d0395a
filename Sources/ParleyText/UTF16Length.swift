/// Lengths as JavaScript counts them, found in UTF-8.
package enum UTF16Length {
    /// How many UTF-16 code units the text has: one for each character, two for those that take four bytes of UTF-8.
    package static func count(_ bytes: UnsafeRawBufferPointer) -> Int {
        var units = 0
        for byte in bytes { units &+= self.units(byte) }
        return units
    }

    /// How many bytes the first `units` code units take.
    ///
    /// Of what is not UTF-8 this makes nothing sensible, but never more than there is.
    /// - Returns: `nil` when there are not so many, or half of a surrogate pair would be left.
    package static func bytes(of units: Int, in bytes: UnsafeRawBufferPointer) -> Int? {
        var rest = units
        var index = 0
        while rest > 0, index < bytes.count {
            rest -= self.units(bytes[index])
            index += 1
        }
        // The last character goes on until the next begins.
        while index < bytes.count, self.units(bytes[index]) == 0 { index += 1 }
        return rest == 0 ? index : nil
    }

    /// The code units that a byte brings: none if it continues a character, two if it begins one of four bytes.
    @inline(__always)
    private static func units(_ byte: UInt8) -> Int { (byte & 0xC0 != 0x80 ? 1 : 0) &+ (byte >= 0xF0 ? 1 : 0) }
}
