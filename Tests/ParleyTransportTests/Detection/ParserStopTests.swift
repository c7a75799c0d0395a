import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import ParleyTransport

@Suite struct ParserStopTests {
    static let fields: [String] = [
        "", "Upgrade: foo", "Upgrade: foo\r\nConnection: upgrade", "Upgrade: foo\r\nConnection: Upgrade",
        "Upgrade: foo\r\nConnection: UPGRADE", "Upgrade: foo\r\nConnection: keep-alive, Upgrade",
        "Upgrade: foo\r\nConnection: upgrade, keep-alive", "Upgrade: foo\r\nConnection: upgrade ,close",
        "Upgrade: foo\r\nConnection:\tupgrade", "Upgrade: foo\r\nConnection: upgrade\t",
        "Upgrade: foo\r\nConnection: upgrade  ",
        "Upgrade: foo\r\nConnection: close,\tupgrade", "Upgrade: foo\r\nConnection: close,  upgrade",
        "Upgrade: foo\r\nConnection: close\t,upgrade",
        "Upgrade: foo\r\nConnection: upgrade\t,keep-alive", "Upgrade: foo\r\nConnection: upgrade  , close",
        "Upgrade: foo\r\nConnection: upgraded", "Upgrade: foo\r\nConnection: an upgrade",
        "Upgrade: foo\r\nConnection: close\r\nConnection: upgrade", "Upgrade: foo\r\nConnection: keep-alive",
        "Upgrade: foo\r\nConnection: upgrade x", "Upgrade: foo\r\nConnection: up,grade",
        "Upgrade: foo\r\nConnection: ,,upgrade",
        "Upgrade: ", "Upgrade:", "Upgrade: \r\nConnection: upgrade", "Upgrade:\r\nConnection: upgrade",
        "Upgrade: \t \r\nConnection: upgrade", "Upgrade: ,\r\nConnection: upgrade",
        "Upgrade: foo\r\nUpgrade:\r\nConnection: upgrade",
        "Upgrade:\r\nUpgrade: foo\r\nConnection: upgrade", "Connection: upgrade", "Connection: upgrade\r\nUpgrade: foo",
        "UPGRADE: h2c\r\nCONNECTION: upgrade", "Upgrade: foo\r\nProxy-Connection: upgrade",
        "Upgrade: foo\r\nConnection: \"upgrade\"",
        "Upgrade: foo\r\nConnection: upgrade\r\nContent-Length: 3", "Upgrade: foo\r\nContent-Length: 3",
    ]

    /// The heads that the parser finds in two requests that come together.
    private func heads(_ method: String, _ fields: String) throws -> [HTTPRequestHead] {
        let channel = EmbeddedChannel(handler: ConnectionSetup.makeDecoder(maximumHeaderBytes: 1 << 14))
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        let body = fields.contains("Content-Length") ? "abc" : ""
        let block = fields.isEmpty ? "" : fields + "\r\n"
        let target = method == "CONNECT" ? "a.test:80" : "/"
        let first = "\(method) \(target) HTTP/1.1\r\nHost: a\r\n\(block)\r\n\(body)"
        try channel.writeInbound(ByteBuffer(string: first + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"))
        var heads: [HTTPRequestHead] = []
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            if case .head(let head) = part { heads.append(head) }
        }
        return heads
    }

    @Test("It is known where the parser stops", arguments: ["GET", "POST", "CONNECT"], fields)
    func stops(method: String, fields: String) throws {
        let heads = try self.heads(method, fields)
        let head = try #require(heads.first)
        #expect(ParserStop.isBehind(head) == (heads.count == 1))
    }
}
