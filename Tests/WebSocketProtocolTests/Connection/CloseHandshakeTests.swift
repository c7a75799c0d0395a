import NIOCore
import Testing
import WebSocketProtocol

@Suite struct CloseHandshakeTests {
    @Test("The peer's close is reported once with its code and reason, and what follows is ignored")
    func peerCloses() {
        for (payload, code, reason) in [
            ([], nil, ""),
            (close(1000), WebSocketCloseCode.normal, ""),
            (close(1001, "tab closed"), .goingAway, "tab closed"),
            (close(3000, "grüße"), .init(rawValue: 3000), "grüße"),
            (
                close(4999, String(repeating: "x", count: 123)), .init(rawValue: 4999),
                String(repeating: "x", count: 123)
            ),
        ] as [([UInt8], WebSocketCloseCode?, String)] {
            let bytes = frame(0x88, payload) + frame(0x81, "late") + frame(0x88) + [0xff, 0xff]
            #expect(actions(for: bytes) == [.peerClosed(code, reason: reason)])
            var feed = Feed()
            feed.receive(bytes)
            #expect(feed.connection.closeReply == code)
            #expect(feed.connection.state == .closed)
            let begun = feed.connection.beginClose()
            #expect(!begun)
        }
    }

    @Test("After our close, frames are dropped until the peer's close arrives")
    func weClose() {
        let late = frame(0x81, "late") + frame(0x89, "p") + frame(0x8a) + frame(0x01, [0xff]) + frame(0x02, "x")
        var feed = Feed()
        let begun = feed.connection.beginClose()
        let again = feed.connection.beginClose()
        #expect(begun)
        #expect(!again)
        #expect(feed.connection.state == .closing)
        feed.receive(late)
        #expect(feed.actions.isEmpty)
        #expect(feed.connection.bufferedBytes == 0)
        feed.receive(frame(0x88, close(1000)) + frame(0x81, "later"))
        #expect(feed.actions == [.closeCompleted])
        #expect(feed.connection.state == .closed)
    }

    @Test("We may begin to close at any byte of what the peer sends, and still find its close")
    func weCloseAnywhere() {
        let message = frame(0x01, "ab") + frame(0x89, "ping") + frame(0x80, "cd") + frame(0x82, [1, 2, 3])
        let bytes = message + frame(0x88, close(1000, "done"))
        for split in 0..<bytes.count {
            for second in Set([split, (split + bytes.count) / 2, bytes.count]) {
                var feed = Feed()
                feed.receive(bytes[..<split])
                let begun = feed.connection.beginClose()
                #expect(begun)
                let before = feed.actions
                feed.receive(bytes[split..<second])
                feed.receive(bytes[second...])
                #expect(feed.actions == before + [.closeCompleted], "begun at \(split)")
                #expect(!feed.connection.isMidMessage)
            }
        }
    }

    @Test("A huge frame that is dropped while closing costs no memory and no limit")
    func hugeWhileClosing() {
        var feed = Feed()
        _ = feed.connection.beginClose()
        feed.receive([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4])
        for _ in 0..<10 { feed.receive([UInt8](repeating: 0, count: 1000)) }
        #expect(feed.actions.isEmpty)
        #expect(feed.connection.bufferedBytes == 0)
        #expect(feed.connection.state == .closing)
    }

    @Test(
        "A peer that breaks a rule after our close ends the handshake: a second close must not be sent",
        arguments: [frame(0x83), frame(0xf1), frame(0x81, mask: nil), frame(0x88, [1]), frame(0x88, close(1005))]
    )
    func violationWhileClosing(bytes: [UInt8]) {
        var feed = Feed()
        _ = feed.connection.beginClose()
        feed.receive(bytes + frame(0x88))
        #expect(feed.actions == [.closeCompleted])
    }
}
