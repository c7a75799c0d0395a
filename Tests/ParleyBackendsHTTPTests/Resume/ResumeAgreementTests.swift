import NIOHTTP1
import Testing

@testable import ParleyBackendsHTTP

@Suite struct ResumeAgreementTests {
    /// RFC 6455 §1.3.
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    @Test(
        "A backend agrees if it says what the first has said, and nothing more",
        arguments: [
            (nil, ["Sec-WebSocket-Accept": Self.accept], .agreed),
            ("chat", ["Sec-WebSocket-Accept": Self.accept, "Sec-WebSocket-Protocol": "chat"], .agreed),
            (nil, ["Sec-WebSocket-Accept": Self.accept, "Sec-WebSocket-Protocol": "chat"], .refused),
            ("chat", ["Sec-WebSocket-Accept": Self.accept], .refused),
            (nil, ["Sec-WebSocket-Accept": "other"], .refused),
            (nil, [:], .refused),
            (nil, ["Sec-WebSocket-Accept": Self.accept, "Sec-WebSocket-Extensions": "permessage-deflate"], .refused),
        ] as [(String?, HTTPHeaders, ResumeAnswer)]
    )
    func agreements(_ subprotocol: String?, _ answer: HTTPHeaders, _ expected: ResumeAnswer) {
        var asked: HTTPHeaders = ["Sec-WebSocket-Key": Self.key]
        if let subprotocol { asked.add(name: "Sec-WebSocket-Protocol", value: subprotocol) }
        var agreement = ResumeAgreement(asked)
        let head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: answer)
        #expect(agreement.received(head) == nil)
        #expect(agreement.ended() == expected)
    }

    @Test(
        "Interim responses say nothing, any answer but an agreement is a refusal",
        arguments: [
            (HTTPResponseStatus.continue, nil), (.processing, nil), (.ok, .refused), (.forbidden, .refused),
            (.badGateway, .refused),
        ] as [(HTTPResponseStatus, ResumeAnswer?)]
    )
    func others(_ status: HTTPResponseStatus, _ expected: ResumeAnswer?) {
        var agreement = ResumeAgreement(["Sec-WebSocket-Key": Self.key])
        #expect(agreement.received(HTTPResponseHead(version: .http1_1, status: status)) == expected)
        #expect(agreement.ended() == .refused)
    }
}
