import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import ParleyBackendsHTTP

@Suite struct UpstreamHandlersTests {
    private static func sent(_ parts: HTTPClientRequestPart...) throws -> String {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(UpstreamRequestEncoder())
        for part in parts { try channel.writeOutbound(part) }
        var text = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { text += bytes.latin1 }
        return text
    }

    @Test("A request is framed as its head says, and its fields are the bytes that they were")
    func encodes() throws {
        let piece = HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: "abc")))
        let nothing = HTTPClientRequestPart.body(.byteBuffer(ByteBuffer()))
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/x", headers: ["Content-Length": "3"])
        #expect(
            try Self.sent(.head(head), piece, .end(nil)) == "POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
        )
        head.headers = ["Transfer-Encoding": "chunked", "x": "\u{F7E4}"]
        #expect(
            try Self.sent(.head(head), piece, nothing, .end(nil))
                == "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nx: \u{E4}\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        )
    }

    @Test("Only heads of responses are escaped, however they come in pieces")
    func escapes() throws {
        let channel = EmbeddedChannel()
        let bytes = UpstreamBytes()
        try channel.pipeline.syncOperations.addHandler(bytes)
        bytes.expectHead()
        var all = ByteBuffer()
        for text in ["HTTP/1.1 200 OK\r\nx: ", "\u{E4}\r\n", "\r\n\u{E4}"] {
            try channel.writeInbound(ByteBuffer(bytes: text.unicodeScalars.map { UInt8($0.value) }))
            while let piece = try channel.readInbound(as: ByteBuffer.self) { all.writeImmutableBuffer(piece) }
        }
        var expected = ByteBuffer(string: "HTTP/1.1 200 OK\r\nx: \u{F7E4}\r\n\r\n")
        expected.writeInteger(UInt8(0xE4))
        #expect(all == expected)
    }

    @Test("The last chunk is followed by what is said behind the body")
    func trailers() {
        #expect(ByteBuffer.lastChunk([:]).latin1 == "0\r\n\r\n")
        #expect(ByteBuffer.lastChunk(["x-sum": "1"]).latin1 == "0\r\nx-sum: 1\r\n\r\n")
        #expect(ByteBuffer.chunkHeader(255).latin1 == "ff\r\n")
    }
}
