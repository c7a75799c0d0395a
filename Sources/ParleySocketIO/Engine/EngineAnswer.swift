package import EngineIO
package import NIOCore
internal import ParleyModel

/// An HTTP response of Engine.IO.
package struct EngineAnswer: Sendable {
    package var status: Int
    package var contentType: String?
    package var headers: [(name: String, value: String)] = []
    package var body: ByteBuffer
    /// Whether the connection is of no more use: its request has not been read to the end.
    package var closes = false
    /// Whether the body may be compressed.
    package var isCompressible = false

    package init(status: Int, contentType: String? = nil, body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// `{"code":…,"message":…}`
    package static func refusal(_ refusal: EngineRefusal) -> EngineAnswer {
        EngineAnswer(status: refusal.status, contentType: "application/json", body: refusal.json)
    }

    /// What does not come from Engine.IO, in the words that the server has for it everywhere.
    static func refusal(_ refusal: Refusal) -> EngineAnswer {
        var answer = EngineAnswer(
            status: refusal.status,
            contentType: "text/plain; charset=utf-8",
            body: ByteBuffer(string: refusal.text + "\n")
        )
        answer.headers = refusal.headers.map { ($0.name, $0.value) }
        return answer
    }

    /// The answer to a POST. `text/plain` would make old browsers offer a download.
    static var ok: EngineAnswer { EngineAnswer(status: 200, contentType: "text/html", body: ByteBuffer(string: "ok")) }

    static func poll(_ body: ByteBuffer, isBinary: Bool = false) -> EngineAnswer {
        var answer = EngineAnswer(
            status: 200,
            contentType: isBinary ? "application/octet-stream" : "text/plain; charset=UTF-8",
            body: body
        )
        answer.headers.append(("Cache-Control", "no-store"))
        answer.isCompressible = true
        return answer
    }
}

extension EngineRefusal {
    var json: ByteBuffer {
        var json = ByteBuffer()
        json.writeString("{\"code\":\(self.code),\"message\":")
        json.writeJSONString(self.message)
        json.writeInteger(UInt8(ascii: "}"))
        return json
    }
}
