/// SHA-1 (FIPS 180-4 §6.1). Broken as a signature; here it only answers the key of a WebSocket handshake and names scripts of Redis.
package enum SHA1 {
    /// The digest's five words, of which each is sent with its most significant byte first.
    package static func digest(_ message: UnsafeRawBufferPointer) -> (UInt32, UInt32, UInt32, UInt32, UInt32) {
        var state: (UInt32, UInt32, UInt32, UInt32, UInt32) =
            (0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0)
        let whole = message.count & ~63
        for offset in stride(from: 0, to: whole, by: 64) {
            self.process(UnsafeRawBufferPointer(rebasing: message[offset..<offset + 64]), into: &state)
        }
        // The rest, a 1 bit, zeros, and the length in bits as the last eight bytes: one block or two.
        let rest = message[whole...]
        withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { padded in
            let size = rest.count < 56 ? 64 : 128
            padded.initializeMemory(as: UInt8.self, repeating: 0)
            padded.copyBytes(from: rest)
            padded[rest.count] = 0x80
            padded.storeBytes(of: UInt64(message.count &* 8).bigEndian, toByteOffset: size - 8, as: UInt64.self)
            for offset in stride(from: 0, to: size, by: 64) {
                self.process(UnsafeRawBufferPointer(rebasing: padded[offset..<offset + 64]), into: &state)
            }
        }
        return state
    }

    /// The digest of text in hexadecimal digits, in lower case.
    package static func hexadecimal(_ text: String) -> String {
        var text = text
        let words = text.withUTF8 { self.digest(UnsafeRawBufferPointer($0)) }
        let bytes = [words.0, words.1, words.2, words.3, words.4].flatMap { word in
            withUnsafeBytes(of: word.bigEndian) { Array($0) }
        }
        return Hexadecimal.encode(bytes)
    }

    private static func process(
        _ block: UnsafeRawBufferPointer,
        into state: inout (UInt32, UInt32, UInt32, UInt32, UInt32)
    ) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { w in
            for i in 0..<16 {
                w[i] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: i &* 4, as: UInt32.self))
            }
            for i in 16..<80 {
                w[i] = (w[i &- 3] ^ w[i &- 8] ^ w[i &- 14] ^ w[i &- 16]).rotatedLeft(1)
            }
            var (a, b, c, d, e) = state
            for i in 0..<80 {
                let (f, k): (UInt32, UInt32) =
                    switch i {
                    case ..<20: ((b & c) | (~b & d), 0x5a82_7999)
                    case ..<40: (b ^ c ^ d, 0x6ed9_eba1)
                    case ..<60: ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc)
                    default: (b ^ c ^ d, 0xca62_c1d6)
                    }
                let next = a.rotatedLeft(5) &+ f &+ e &+ k &+ w[i]
                (e, d, c, b, a) = (d, c, b.rotatedLeft(30), a, next)
            }
            state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e)
        }
    }
}

extension UInt32 {
    fileprivate func rotatedLeft(_ bits: UInt32) -> UInt32 { (self &<< bits) | (self &>> (32 &- bits)) }
}
