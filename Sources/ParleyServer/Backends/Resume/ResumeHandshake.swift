internal import NIOCore
internal import NIOHTTP1
internal import WebSocketProtocol

/// Asks a backend to go on with a WebSocket that another has begun.
final class ResumeHandshake: UpstreamDelegate {
    enum Outcome {
        case agreed(any Channel)
        /// It says something else, or other things than the first.
        case refused
        case closed
    }

    private let upstream: UpstreamConnection
    private let head: HTTPRequestHead
    private var completion: ((Outcome) -> Void)?
    private var answer: HTTPResponseHead?

    /// - Parameter completion: Called once, unless ``cancel()`` is.
    init(_ upstream: UpstreamConnection, asking head: HTTPRequestHead, completion: @escaping (Outcome) -> Void) {
        self.upstream = upstream
        self.head = head
        self.completion = completion
        upstream.delegate = self
        upstream.write(.head(head))
        upstream.flush()
    }

    func cancel() {
        self.completion = nil
        self.upstream.close()
    }

    func upstreamReceived(head: HTTPResponseHead) {
        // What comes before the answer proper says nothing here.
        if head.status.code == 101 || head.status.code >= 200 { self.answer = head }
        if head.status.code >= 200 { self.complete(.refused) }
    }

    func upstreamReceived(body: ByteBuffer) {}

    func upstreamEnded(trailers: HTTPHeaders?) {
        guard let answer = self.answer, let channel = self.upstream.channel, self.isAgreement(answer) else {
            return self.complete(.refused)
        }
        self.complete(.agreed(channel))
    }

    func upstreamReadComplete() {}
    func upstreamWritabilityChanged() {}
    func upstreamClosed() { self.complete(.closed) }

    /// RFC 6455 §4.1: what a client checks, which cannot check it this time.
    private func isAgreement(_ answer: HTTPResponseHead) -> Bool {
        let key = self.head.headers.first(name: "Sec-WebSocket-Key") ?? ""
        return answer.headers.first(name: "Sec-WebSocket-Accept") == WebSocketHandshake.acceptValue(forKey: key)
            && answer.headers.first(name: "Sec-WebSocket-Protocol")
                == self.head.headers.first(name: "Sec-WebSocket-Protocol")
            && !answer.headers.contains(name: "Sec-WebSocket-Extensions")
    }

    private func complete(_ outcome: Outcome) {
        guard let completion = self.completion.take() else { return }
        self.upstream.delegate = nil
        if case .agreed = outcome {} else { self.upstream.close() }
        completion(outcome)
    }
}

@available(*, unavailable)
extension ResumeHandshake: Sendable {}
