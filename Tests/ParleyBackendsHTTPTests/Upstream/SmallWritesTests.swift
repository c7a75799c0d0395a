import NIOCore
import Testing

@testable import ParleyBackendsHTTP

@Suite struct SmallWritesTests {
    @Test(
        "Small pieces go together, large ones as they are, all of them in order",
        arguments: [
            ([1, 2, 3], [6]), ([4096], [4096]), ([4097], [4097]), ([4000, 96], [4096]), ([4000, 97], [4000, 97]),
            ([10, 5000, 10], [10, 5000, 10]), ([3000, 3000, 3000], [3000, 3000, 3000]), ([0], [0]), ([], []),
        ]
    )
    func gathers(pieces: [Int], expected: [Int]) {
        var writes = SmallWrites()
        var written: [ByteBuffer] = []
        for (number, length) in pieces.enumerated() {
            writes.add(ByteBuffer(repeating: UInt8(number), count: length)) { written.append($0) }
        }
        writes.flush { written.append($0) }
        writes.flush { written.append($0) }
        #expect(written.map(\.readableBytes) == expected)
        let all = pieces.enumerated().flatMap { Array(repeating: UInt8($0.offset), count: $0.element) }
        #expect(written.flatMap { Array($0.readableBytesView) } == all)
    }
}
