internal import NIOCore
internal import NIOHTTP1
internal import ParleyModel

extension Refusal {
    /// The whole answer, as bytes; the connection is closed after it.
    /// - Parameters:
    ///   - isHead: Whether it answers a HEAD request, and so has no body (RFC 9110 §9.3.2).
    ///   - fields: Further ones.
    func httpResponse(isHead: Bool = false, adding fields: [(name: String, value: String)] = []) -> ByteBuffer {
        let reason = HTTPResponseStatus(statusCode: self.status).reasonPhrase
        var text = "HTTP/1.1 \(self.status) \(reason)\r\nDate: \(HTTPDate.current)\r\n"
        text += "Content-Type: text/plain; charset=utf-8\r\n"
        let end = self.isBare ? "" : "\n"
        text += "Content-Length: \(self.text.utf8.count + end.utf8.count)\r\n"
        for header in self.headers where header.name != "Connection" { text += "\(header.name): \(header.value)\r\n" }
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        // A sender of Upgrade names it in Connection (RFC 9110 §7.8).
        let connection = (self.headers.filter { $0.name == "Connection" }.map(\.value) + ["close"]).joined(
            separator: ", "
        )
        text += "Connection: \(connection)\r\n\r\n"
        if !isHead { text += self.text + end }
        return ByteBuffer(string: text)
    }
}
