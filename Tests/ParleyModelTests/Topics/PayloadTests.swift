import NIOCore
import Testing

@testable import ParleyModel

@Suite struct PayloadTests {
    static let payloads: [(Payload, Int)] = [
        (.text(ByteBuffer(string: "hé")), 3), (.json(ByteBuffer(string: "[1]")), 3),
        (.binary(ByteBuffer(bytes: [0, 255])), 2),
        (.event(name: "say", arguments: ByteBuffer(string: "[\"x\"]")), 8), (.text(ByteBuffer()), 0),
    ]

    @Test("A payload counts what it occupies, and is equal to its detached copy", arguments: payloads)
    func bytes(payload: Payload, count: Int) {
        #expect(payload.byteCount == count)
        #expect(payload.detached() == payload)
    }

    @Test("A detached payload owns no more than its own bytes")
    func detached() {
        var readBuffer = ByteBuffer(repeating: UInt8(ascii: "x"), count: 64 * 1024)
        readBuffer.moveReaderIndex(forwardBy: 1000)
        let slice = readBuffer.readSlice(length: 10) ?? ByteBuffer()
        guard case .text(let copy) = Payload.text(slice).detached() else {
            Issue.record("Expected a text to stay one")
            return
        }
        #expect(copy.storageCapacity < 64)
        #expect(String(buffer: copy) == "xxxxxxxxxx")
    }
}
