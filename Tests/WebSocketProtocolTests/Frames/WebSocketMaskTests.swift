import Testing
import WebSocketProtocol

@Suite struct WebSocketMaskTests {
    @Test("Masking XORs byte i with byte i mod 4 of the key, at every length and phase")
    func everyLengthAndPhase() {
        var random = SeededGenerator(seed: 1)
        let key: UInt32 = 0x0102_f3f4
        let keyBytes = bigEndian(key)
        for length in 0...100 {
            for phase in 0...7 {
                let plain = random.bytes(length)
                var masked = plain
                masked.withUnsafeMutableBytes { WebSocketMask.apply(key, to: $0, phase: phase) }
                #expect(masked == plain.enumerated().map { $1 ^ keyBytes[($0 + phase) % 4] })
            }
        }
    }

    @Test("Masking in pieces gives the same bytes as masking the whole", arguments: 0...70)
    func pieces(split: Int) {
        var random = SeededGenerator(seed: 2)
        let plain = random.bytes(70)
        var whole = plain
        whole.withUnsafeMutableBytes { WebSocketMask.apply(testMask, to: $0) }
        var pieces = plain
        pieces.withUnsafeMutableBytes { bytes in
            WebSocketMask.apply(testMask, to: .init(rebasing: bytes[..<split]))
            WebSocketMask.apply(testMask, to: .init(rebasing: bytes[split...]), phase: split)
        }
        #expect(pieces == whole)
    }

    @Test("A key of zero changes nothing")
    func zeroKey() {
        var bytes: [UInt8] = [1, 2, 3, 4, 5]
        bytes.withUnsafeMutableBytes { WebSocketMask.apply(0, to: $0) }
        #expect(bytes == [1, 2, 3, 4, 5])
    }
}
