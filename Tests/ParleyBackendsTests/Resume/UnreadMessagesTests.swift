import NIOCore
import Testing

@testable import ParleyBackends

@Suite struct UnreadMessagesTests {
    @Test("Traffic that never stops takes no more memory than what may be unread")
    func memory() {
        let message = ByteBuffer(repeating: 7, count: 1000)
        var unread = UnreadMessages()
        for _ in 0..<20_000 {
            unread.give(message, atMost: 64 << 10)
            unread.wrote(message.readableBytes)
        }
        #expect(unread.bytes <= 64 << 10)
        #expect(unread.messages.capacity <= 512 << 10)
    }
}
