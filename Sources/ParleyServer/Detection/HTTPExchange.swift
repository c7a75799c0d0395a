internal import NIOCore
internal import NIOHTTP1

/// One HTTP request that is answered on its event loop, without a task, perhaps much later. Told of what happens to it.
protocol HTTPExchange: AnyObject {
    /// The head is here.
    func begin()
    func received(_ piece: ByteBuffer)
    /// The request is complete.
    func ended()
    /// The connection is gone, and there was no answer yet.
    func aborted()
    /// The client says no more: an answer that is held for somebody who stays is for nobody.
    func inputClosed()
}

struct ExchangeAnswer: Equatable {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: ByteBuffer
    /// Whether the connection is closed after it, as the rest of the request is not worth reading.
    var closes: Bool
}

/// Where requests are answered in exchanges.
protocol ExchangeEndpoint: Sendable {
    /// - Parameter answer: Called once, on `eventLoop`, at any time after ``HTTPExchange/begin()``.
    func exchange(
        for request: UpgradeRequest,
        on eventLoop: any EventLoop,
        answer: @escaping (ExchangeAnswer) -> Void
    ) -> any HTTPExchange
}
