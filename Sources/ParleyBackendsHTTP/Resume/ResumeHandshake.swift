internal import NIOCore
internal import NIOHTTP1

/// Asks a backend to go on with a WebSocket that another has begun: does what a ``ResumeAgreement`` says.
final class ResumeHandshake: UpstreamDelegate {
    private let upstream: UpstreamConnection
    private var agreement: ResumeAgreement
    private var completion: ((ResumeAnswer) -> Void)?

    /// - Parameter completion: Called once, unless ``cancel()`` is; the connection is open then only if the backend has agreed.
    init(_ upstream: UpstreamConnection, asking head: HTTPRequestHead, completion: @escaping (ResumeAnswer) -> Void) {
        self.upstream = upstream
        self.agreement = ResumeAgreement(head.headers)
        self.completion = completion
        upstream.delegate = self
        upstream.write(.head(head))
        upstream.flush()
    }

    func cancel() {
        self.completion = nil
        self.upstream.close()
    }

    func upstreamReceived(head: HTTPResponseHead) { self.complete(self.agreement.received(head)) }
    func upstreamReceived(body: ByteBuffer) {}
    func upstreamEnded(trailers: HTTPHeaders?) { self.complete(self.agreement.ended()) }
    func upstreamReadComplete() {}
    func upstreamWritabilityChanged() {}
    func upstreamClosed() { self.complete(.closed) }

    private func complete(_ answer: ResumeAnswer?) {
        guard let answer, let completion = self.completion.take() else { return }
        self.upstream.delegate = nil
        if answer != .agreed { self.upstream.close() }
        completion(answer)
    }
}

@available(*, unavailable)
extension ResumeHandshake: Sendable {}
