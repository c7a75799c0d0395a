/// The masking of RFC 6455 §5.3: payload byte `i` is XORed with byte `i mod 4` of the key. Applying it twice undoes it.
public enum WebSocketMask {
    /// XORs `bytes` in place.
    ///
    /// - Parameters:
    ///   - key: The masking key as it is read from the wire in network byte order.
    ///   - phase: How many payload bytes of the same frame came before `bytes`, when a payload arrives in pieces.
    @inlinable
    public static func apply(_ key: UInt32, to bytes: UnsafeMutableRawBufferPointer, phase: Int = 0) {
        guard key != 0, let base = bytes.baseAddress else { return }
        let rotation = UInt32(truncatingIfNeeded: phase & 3) &* 8
        let rotated = (key &<< rotation) | (key &>> ((32 &- rotation) & 31) & (rotation == 0 ? 0 : .max))
        // The key as it lies in memory, whatever the byte order of the machine.
        let word = rotated.bigEndian
        let block = SIMD8<UInt32>(repeating: word)
        let count = bytes.count
        var offset = 0
        while offset &+ 32 <= count {
            let masked = base.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt32>.self) ^ block
            base.storeBytes(of: masked, toByteOffset: offset, as: SIMD8<UInt32>.self)
            offset &+= 32
        }
        while offset &+ 4 <= count {
            let masked = base.loadUnaligned(fromByteOffset: offset, as: UInt32.self) ^ word
            base.storeBytes(of: masked, toByteOffset: offset, as: UInt32.self)
            offset &+= 4
        }
        var shift: UInt32 = 24
        while offset < count {
            let masked = bytes[offset] ^ UInt8(truncatingIfNeeded: rotated &>> shift)
            bytes[offset] = masked
            shift &-= 8
            offset &+= 1
        }
    }
}
