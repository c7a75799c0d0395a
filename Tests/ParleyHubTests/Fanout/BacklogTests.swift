import NIOCore
import Testing

@testable import ParleyHub

private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

@Suite struct BacklogTests {
    @Test("A backlog that closes keeps everything, in order, in one piece")
    func close() {
        var backlog = Backlog(policy: SlowConsumerPolicy(overflow: .close, maximumBytes: 10), now: start)
        _ = backlog.begin(with: ByteBuffer(repeating: 0x2E, count: 7))
        #expect(backlog.append(ByteBuffer(string: "abc"), messages: 1, now: start) == .keep)
        #expect(backlog.append(ByteBuffer(string: "defg"), messages: 2, now: start) == .keep)
        #expect(backlog.byteCount == 14)
        #expect(Self.next(&backlog) == "abcdefg")
        #expect(backlog.byteCount == 7)
        #expect(Self.next(&backlog) == nil)
        #expect(backlog.byteCount == 0)
    }

    @Test("It closes the connection when more waits than may, be it bytes or messages")
    func overflow() {
        var backlog = Backlog(policy: SlowConsumerPolicy(overflow: .close, maximumBytes: 10), now: start)
        #expect(backlog.append(ByteBuffer(string: "0123456789"), messages: 1, now: start) == .keep)
        #expect(backlog.append(ByteBuffer(string: "x"), messages: 1, now: start) == .closeSlowConsumer)

        backlog = Backlog(policy: SlowConsumerPolicy(overflow: .close, maximumMessages: 3), now: start)
        #expect(backlog.append(ByteBuffer(string: "ab"), messages: 2, now: start) == .keep)
        #expect(backlog.append(ByteBuffer(string: "c"), messages: 1, now: start) == .keep)
        #expect(backlog.append(ByteBuffer(string: "d"), messages: 1, now: start) == .closeSlowConsumer)
    }

    @Test("More bytes than may wait close it only when its socket has taken nothing for the overrun time")
    func overrun() {
        let policy = SlowConsumerPolicy(overflow: .close, maximumBytes: 4, overrunTime: .seconds(2))
        var backlog = Backlog(policy: policy, now: start)
        #expect(backlog.append(ByteBuffer(string: "abcd"), messages: 1, now: start + .seconds(9)) == .keep)
        #expect(backlog.stallDeadline == nil)
        #expect(backlog.append(ByteBuffer(string: "e"), messages: 1, now: start + .seconds(1)) == .keep)
        #expect(backlog.stallDeadline == start + .seconds(2))
        #expect(Self.next(&backlog, now: start + .seconds(1)) == "abcde")
        #expect(backlog.append(ByteBuffer(string: "fghij"), messages: 1, now: start + .seconds(2)) == .keep)
        #expect(backlog.append(ByteBuffer(string: "k"), messages: 1, now: start + .seconds(3)) == .closeSlowConsumer)
    }

    @Test("A reader is seen to make progress within a large message, and no message is cut off")
    func largeMessage() {
        let large = ByteBuffer(repeating: 0x61, count: 150_000)
        let policy = SlowConsumerPolicy(overflow: .close, maximumBytes: 1, writeTimeout: .seconds(2))
        var backlog = Backlog(policy: policy, now: start)
        var taken = backlog.begin(with: large)
        #expect(backlog.byteCount == 150_000)
        for second in 1...2 {
            guard let piece = backlog.transportWrote(now: start + .seconds(Int64(second))) else { break }
            taken.writeImmutableBuffer(piece)
            #expect(backlog.stallDeadline == start + .seconds(Int64(second) + 2))
            backlog.discardWaiting()
        }
        #expect(taken == large)
        #expect(backlog.transportWrote(now: start) == nil)
        #expect(backlog.byteCount == 0)
    }

    @Test("What the transport has taken no longer counts towards the limit")
    func caughtUp() {
        var backlog = Backlog(
            policy: SlowConsumerPolicy(overflow: .close, maximumBytes: 10, maximumMessages: 2),
            now: start
        )
        #expect(backlog.append(ByteBuffer(string: "0123456789"), messages: 2, now: start) == .keep)
        #expect(Self.next(&backlog) == "0123456789")
        #expect(backlog.append(ByteBuffer(string: "0123456789"), messages: 2, now: start) == .keep)
        #expect(backlog.byteCount == 20)
    }

    @Test("A backlog that drops discards its oldest messages, whole")
    func dropOldest() {
        var backlog = Backlog(policy: SlowConsumerPolicy(overflow: .dropOldest, maximumBytes: 6), now: start)
        _ = backlog.begin(with: ByteBuffer(repeating: 0x2E, count: 100))
        for message in ["aaa", "bbb", "ccc"] {
            #expect(backlog.append(ByteBuffer(string: message), messages: 1, now: start) == .keep)
        }
        #expect(backlog.byteCount == 106)
        #expect(Self.next(&backlog) == "bbb")
        #expect(backlog.append(ByteBuffer(string: "dddd"), messages: 1, now: start) == .keep)
        #expect(Self.next(&backlog) == "dddd")
        #expect(Self.next(&backlog) == nil)
    }

    @Test("It drops by messages, too, and keeps the newest even if that alone is too large")
    func dropByCount() {
        var backlog = Backlog(
            policy: SlowConsumerPolicy(overflow: .dropOldest, maximumBytes: 6, maximumMessages: 2),
            now: start
        )
        for message in ["a", "b", "c"] { _ = backlog.append(ByteBuffer(string: message), messages: 1, now: start) }
        #expect(Self.drain(&backlog) == ["b", "c"])
        for message in ["a", "bbbbbbbbbb"] { _ = backlog.append(ByteBuffer(string: message), messages: 1, now: start) }
        #expect(Self.drain(&backlog) == ["bbbbbbbbbb"])
    }

    @Test("A backlog of snapshots keeps only the newest, and what has begun goes on")
    func keepLatest() {
        var backlog = Backlog(policy: SlowConsumerPolicy(overflow: .keepLatest, maximumBytes: 1), now: start)
        _ = backlog.begin(with: ByteBuffer(repeating: 0x2E, count: 50))
        for message in ["first", "second", "third"] {
            #expect(backlog.append(ByteBuffer(string: message), messages: 1, now: start) == .keep)
        }
        #expect(backlog.byteCount == 55)
        #expect(Self.drain(&backlog) == ["third"])
    }

    @Test(
        "To make way for a close frame everything that has not begun is forgotten",
        arguments: [SlowConsumerPolicy.Overflow.close, .dropOldest, .keepLatest]
    )
    func discard(overflow: SlowConsumerPolicy.Overflow) {
        var backlog = Backlog(
            policy: SlowConsumerPolicy(overflow: overflow, maximumBytes: 20, maximumMessages: 2),
            now: start
        )
        _ = backlog.begin(with: ByteBuffer(repeating: 0x2E, count: 5))
        _ = backlog.append(ByteBuffer(string: "abc"), messages: 1, now: start)
        backlog.discardWaiting()
        #expect(backlog.byteCount == 5)
        #expect(backlog.append(ByteBuffer(string: "bye"), messages: 1, now: start) == .keep)
        #expect(Self.drain(&backlog) == ["bye"])
    }

    @Test("Too many messages close a connection only when its socket has taken nothing for the stall time")
    func stall() {
        let policy = SlowConsumerPolicy(overflow: .close, maximumMessages: 1, stallTime: .seconds(2))
        var backlog = Backlog(policy: policy, now: start)
        #expect(backlog.append(ByteBuffer(string: "a"), messages: 1, now: start + .seconds(5)) == .keep)
        #expect(backlog.stallDeadline == nil)
        #expect(backlog.append(ByteBuffer(string: "b"), messages: 1, now: start + .seconds(1)) == .keep)
        #expect(backlog.stallDeadline == start + .seconds(2))
        #expect(backlog.append(ByteBuffer(string: "c"), messages: 1, now: start + .seconds(2)) == .closeSlowConsumer)
        #expect(backlog.transportWrote(now: start + .seconds(3)) == ByteBuffer(string: "abc"))
        for _ in 0..<2 {
            #expect(backlog.append(ByteBuffer(string: "d"), messages: 1, now: start + .seconds(4)) == .keep)
        }
        #expect(backlog.stallDeadline == start + .seconds(5))
    }

    @Test("A pong takes the place of no snapshot, and only the newest pong is kept")
    func control() {
        var backlog = Backlog(policy: SlowConsumerPolicy(overflow: .keepLatest), now: start)
        for (message, isControl) in [("one", false), ("pong1", true), ("pong2", true), ("two", false), ("pong3", true)]
        {
            _ = backlog.append(ByteBuffer(string: message), messages: 1, isControl: isControl, now: start)
        }
        #expect(Self.drain(&backlog) == ["two", "pong3"])
    }

    @Test("The transport gets pieces of bounded size")
    func pieces() {
        var backlog = Backlog(policy: SlowConsumerPolicy(overflow: .close, maximumBytes: .max), now: start)
        for _ in 0..<100 {
            _ = backlog.append(ByteBuffer(repeating: 1, count: 1500), messages: 1, now: start)
        }
        let sizes = Self.drain(&backlog).map(\.utf8.count)
        #expect(sizes.reduce(0, +) == 150_000)
        #expect(sizes.allSatisfy { $0 <= Backlog.pieceBytes })
    }

    @Test("What drops nothing neither loses nor reorders bytes", arguments: 0..<10 as Range<UInt64>)
    func stream(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var backlog = Backlog(policy: SlowConsumerPolicy(overflow: .close, maximumBytes: .max), now: start)
        var sent = ""
        var received = ""
        for number in 0..<300 {
            if Bool.random(using: &random) {
                _ = backlog.append(ByteBuffer(string: "\(number),"), messages: 1, now: start)
                sent += "\(number),"
            } else {
                received += Self.next(&backlog) ?? ""
            }
        }
        received += Self.drain(&backlog).joined()
        #expect(received == sent)
        #expect(backlog.byteCount == 0)
    }

    private static func next(_ backlog: inout Backlog, now: NIODeadline = start) -> String? {
        backlog.transportWrote(now: now).map { String(buffer: $0) }
    }

    private static func drain(_ backlog: inout Backlog) -> [String] {
        var pieces: [String] = []
        while let piece = Self.next(&backlog) { pieces.append(piece) }
        return pieces
    }
}
