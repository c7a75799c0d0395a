import NIOCore
import NIOHTTP1
import ParleyModel
import Testing

@testable import ParleyTransport

@Suite struct RequestQueueTests {
    @Test("What waits is counted while it waits, heads with what they cost beside their bytes")
    func bytes() {
        var queue = RequestQueue()
        #expect(queue.byteCount == 0)
        queue.append(.part(.head(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["Host": "a"]))))
        let head = queue.byteCount
        #expect(head > 500)
        queue.append(.part(.body(ByteBuffer(string: "12345"))))
        queue.append(.part(.end(nil)))
        #expect(queue.byteCount == head + 5)
        _ = queue.popFirst()
        #expect(queue.byteCount == 5)
        queue.removeAll()
        #expect(queue.byteCount == 0)
        #expect(queue.isEmpty)
    }

    @Test("The end is the end only when nothing waits before it")
    func end() {
        var queue = RequestQueue()
        queue.append(.failed(.badRequest))
        queue.append(.inputClosed)
        #expect(!queue.isOnlyTheEnd)
        _ = queue.popFirst()
        #expect(queue.isOnlyTheEnd)
    }
}
