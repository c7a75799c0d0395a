internal import NIOHTTP1
internal import WebSocketProtocol

/// What a backend says to a WebSocket that another has begun.
enum ResumeAnswer: Sendable, Equatable {
    case agreed
    /// It says something else, or other things than the first.
    case refused
    /// The connection is gone.
    case closed
}

/// Whether the answer to a handshake is an agreement: what a client checks (RFC 6455 §4.1), which cannot check it this time.
struct ResumeAgreement: Sendable {
    private let asked: HTTPHeaders
    private var answer: HTTPHeaders?

    /// - Parameter asked: The fields of the request.
    init(_ asked: HTTPHeaders) {
        self.asked = asked
    }

    /// - Returns: `nil`: the answer is not complete.
    mutating func received(_ head: HTTPResponseHead) -> ResumeAnswer? {
        switch head.status.code {
        case 101:
            self.answer = head.headers
            return nil
        // What comes before the answer proper says nothing here.
        case ..<200: return nil
        default: return .refused
        }
    }

    /// Nothing follows the head.
    func ended() -> ResumeAnswer {
        guard let answer = self.answer else { return .refused }
        let key = self.asked.first(name: "Sec-WebSocket-Key") ?? ""
        let isAgreement =
            answer.first(name: "Sec-WebSocket-Accept") == WebSocketHandshake.acceptValue(forKey: key)
            && answer.first(name: "Sec-WebSocket-Protocol") == self.asked.first(name: "Sec-WebSocket-Protocol")
            && !answer.contains(name: "Sec-WebSocket-Extensions")
        return isAgreement ? .agreed : .refused
    }
}
