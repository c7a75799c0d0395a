import NIOCore
import Testing

@testable import RESP

@Suite struct RESPRoundTripTests {
    @Test("Values read as they were written, however their bytes are cut", arguments: 0..<200)
    func roundTrip(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let values = (0..<Int.random(in: 1...6, using: &random)).map { _ in RESPValue.random(depth: 4, using: &random) }
        var wire = ByteBuffer()
        for value in values { wire.writeRESPValue(value) }
        let bytes = Array(wire.readableBytesView)
        #expect(parse([bytes]).values == values)
        #expect(parse(bytes.map { [$0] }).values == values)
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...min(30, rest.count), using: &random)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        #expect(parse(pieces).values == values)
    }

    @Test("Damaged bytes give the same values and the same error, however they are cut", arguments: 0..<200)
    func damaged(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) + 1000)
        var wire = ByteBuffer()
        for _ in 0..<4 { wire.writeRESPValue(.random(depth: 4, using: &random)) }
        var bytes = Array(wire.readableBytesView)
        for _ in 0..<3 {
            let index = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[index] = Array("*$+-:%~>|!=;.?\r\n0".utf8).randomElement(using: &random) ?? 0
            case 2: bytes.remove(at: index)
            default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
            }
            if bytes.isEmpty { bytes = [0] }
        }
        let whole = parse([bytes])
        let single = parse(bytes.map { [$0] })
        #expect("\(whole.values)" == "\(single.values)")
        #expect(whole.error == single.error)
    }
}
