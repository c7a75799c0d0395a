import NIOCore
import Testing
import WebSocketProtocol

@Suite struct LimitTests {
    private func setup(frame: Int = 0, message: Int = 100, fragments: Int = 1024) -> Setup {
        Setup(
            limits: WebSocketLimits(
                maximumFrameBytes: frame,
                maximumMessageBytes: message,
                maximumFragments: fragments
            )
        )
    }

    private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    @Test("A frame of exactly the limit passes, one byte more is announced and refused")
    func frameLimit() {
        let setup = self.setup(frame: 50)
        #expect(actions(for: frame(0x82, zeros(50)), setup) == [.binary(zeros(50))])
        let failure = actions(for: Array(frame(0x82, zeros(51)).prefix(6)), setup).last?.failure
        #expect(failure?.kind == .frameTooBig)
        #expect(failure?.code == .messageTooBig)
        #expect(failure?.reason == "frame of 51 bytes exceeds the limit of 50")
    }

    @Test("A frame limit of zero leaves only the message limit")
    func noFrameLimit() {
        #expect(actions(for: frame(0x82, zeros(100)), self.setup(frame: 0)) == [.binary(zeros(100))])
    }

    @Test("A message of exactly the limit passes in one frame or in many, one byte more does not")
    func messageLimit() {
        let setup = self.setup(message: 100)
        #expect(actions(for: frame(0x82, zeros(100)), setup) == [.binary(zeros(100))])
        #expect(actions(for: frame(0x02, zeros(60)) + frame(0x80, zeros(40)), setup) == [.binary(zeros(100))])
        for bytes in [frame(0x82, zeros(101)), frame(0x02, zeros(60)) + frame(0x80, zeros(41))] {
            let failure = actions(for: bytes, setup).last?.failure
            #expect(failure?.kind == .messageTooBig)
            #expect(failure?.code == .messageTooBig)
        }
    }

    @Test("A length is refused as soon as it is announced, up to the longest there is")
    func announced() {
        for length in [101, 1 << 32, UInt64(Int.max)] {
            let bytes = length == 101 ? [0x82, 0x80 | 101] : [0x82, 0xff] + bigEndian(length)
            let kind = actions(for: bytes + [0, 0, 0, 0], self.setup()).last?.failure?.kind
            #expect(kind == .messageTooBig)
        }
    }

    @Test("Too many fragments are refused, empty ones included; control frames do not count")
    func fragments() {
        let setup = self.setup(fragments: 3)
        let three = frame(0x02) + frame(0x89) + frame(0x00) + frame(0x8a)
        #expect(actions(for: three + frame(0x80), setup).last == .binary([]))
        let failure = actions(for: three + frame(0x00) + frame(0x80), setup).last?.failure
        #expect(failure?.kind == .tooManyFragments)
        #expect(failure?.code == .policyViolation)
    }

    @Test("A fragment limit of zero means any number")
    func noFragmentLimit() {
        var feed = Feed(self.setup(fragments: 0))
        feed.receive(frame(0x02))
        for _ in 0..<5000 { feed.receive(frame(0x00)) }
        feed.receive(frame(0x80))
        #expect(feed.actions == [.binary([])])
    }

    @Test("Memory grows with what has arrived, not with what was announced")
    func memory() {
        var feed = Feed(Setup(limits: WebSocketLimits(maximumMessageBytes: 1 << 30)))
        feed.receive([0x82, 0xff] + bigEndian(UInt64(1 << 30)) + [1, 2, 3, 4])
        #expect(feed.connection.bufferedBytes == 0)
        var arrived = 0
        for count in [1, 10, 100, 1000, 10_000, 50_000] {
            feed.receive(zeros(count))
            arrived += count
            #expect(feed.connection.bufferedBytes >= arrived)
            #expect(feed.connection.bufferedBytes <= max(64, arrived * 2))
        }
    }

    @Test("A huge message limit is cut to what a buffer can hold")
    func clamped() {
        let configuration = WebSocketConfiguration(limits: WebSocketLimits(maximumMessageBytes: .max))
        #expect(configuration.limits.maximumMessageBytes == 1 << 30)
    }

    @Test(
        "Frames that complete nothing are taken some at a time",
        arguments: [(1, 0), (16, 0), (17, 1), (33, 2), (1000, 62)]
    )
    func atOnce(fragments: Int, pauses: Int) {
        var input = ByteBuffer(
            bytes: frame(0x02) + [[UInt8]](repeating: frame(0x00, [1]), count: fragments - 1).joined()
        )
        var connection = WebSocketConnection(role: .server, limits: self.setup(message: 2000).limits)
        var seen = 0
        while connection.receive(&input, inflater: nil) == .hasMoreInput { seen += 1 }
        #expect(seen == pauses && input.readableBytes == 0)
        #expect(connection.unfinishedMessageBytes == fragments - 1)
    }
}
