package import NIOCore
package import NIOHTTP1

/// One HTTP request that is answered on its event loop, without a task, perhaps much later. Told of what happens to it.
package protocol HTTPExchange: AnyObject {
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

package struct ExchangeAnswer: Equatable {
    package var status: HTTPResponseStatus
    package var headers: HTTPHeaders
    package var body: ByteBuffer
    /// Whether the connection is closed after it, as the rest of the request is not worth reading.
    package var closes: Bool

    package init(
        status: HTTPResponseStatus,
        headers: HTTPHeaders,
        body: ByteBuffer,
        closes: Bool
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.closes = closes
    }
}

/// Where requests are answered in exchanges.
package protocol ExchangeEndpoint: Sendable {
    /// - Parameter answer: Called once, on `eventLoop`, at any time after ``HTTPExchange/begin()``.
    func exchange(
        for request: UpgradeRequest,
        on eventLoop: any EventLoop,
        answer: @escaping (ExchangeAnswer) -> Void
    ) -> any HTTPExchange
}
