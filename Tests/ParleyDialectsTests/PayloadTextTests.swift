import NIOCore
import ParleyModel
import Testing

@testable import ParleyDialects

/// Tests of `Payload+Text.swift` beyond those of shared spaces.
@Suite struct PayloadTextTests {
    @Test(
        "Bytes are shown as text if they are UTF-8, else in base64",
        arguments: [
            (Array("hé".utf8), "hé"), ([0xfb, 0xff, 0xbf], "+/+/"), ([0xff], "/w=="), ([], ""),
        ] as [([UInt8], String)]
    )
    func bytes(_ bytes: [UInt8], text: String) {
        #expect(String(buffer: Payload.binary(ByteBuffer(bytes: bytes)).displayText) == text)
    }
}
