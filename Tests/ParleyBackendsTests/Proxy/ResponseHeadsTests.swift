import Testing

@testable import ParleyBackends

@Suite struct ResponseHeadsTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let head: String
        let rest: String
        var testDescription: String { "\(self.head.debugDescription), \(self.rest.debugDescription)" }
    }

    static let rows: [Row] = [
        Row(head: "HTTP/1.1 200 OK\r\n\r\n", rest: "body\r\n\r\n"),
        Row(head: "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", rest: ""),
        Row(head: "HTTP/1.1 200 OK\nA: b\n\n", rest: "HTTP/1.1 100 no head\r\n\r\n"),
        Row(head: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nL: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", rest: "x"),
        Row(head: "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", rest: "\u{81}\n\n"),
        Row(head: "\r\nHTTP/1.1 204\r\n\r\n", rest: "x"),
        Row(head: "HTTP/1.1 1000 Odd\r\n\r\nHTTP/1.0 404 No\r\n\r\n", rest: "x"),
    ]

    @Test("The heads of a response end before its body, wherever the bytes are cut", arguments: rows)
    func cuts(_ row: Row) {
        let bytes = Array((row.head + row.rest).utf8)
        for cut in 0...bytes.count {
            var heads = ResponseHeads()
            heads.expectHead()
            let count = [bytes[..<cut], bytes[cut...]].reduce(0) { count, piece in
                count + Array(piece).withUnsafeBytes { heads.scan($0) }
            }
            #expect(count == row.head.utf8.count)
            #expect(!heads.isInHead)
        }
    }

    @Test("Nothing is a head before one is awaited")
    func idle() {
        var heads = ResponseHeads()
        #expect(Array("HTTP/1.1 200 OK\r\n\r\n".utf8).withUnsafeBytes { heads.scan($0) } == 0)
    }
}
