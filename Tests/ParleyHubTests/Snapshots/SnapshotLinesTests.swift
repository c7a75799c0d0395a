import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct SnapshotLinesTests {
    @Test(
        "Whatever a history goes through, the lines are those of its publications",
        arguments: 0..<40 as Range<UInt64>
    )
    func equality(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let lines = SnapshotLines(format: RoomFormat())
        let policy = HistoryPolicy(limit: Int.random(in: 1...12, using: &random), maximumBytes: 2000)
        var history = History()
        var offset: UInt64 = 0
        for _ in 0..<200 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: history.discardOldest()
            case 1: lines.clear()
            case 2:
                history.pack()
                lines.follow(history)
                #expect(String(buffer: lines.bytes) == Self.rendered(history))
                history.unpack()
            default:
                for _ in 0..<Int.random(in: 1...20, using: &random) {
                    // Joins and leaves have offsets, too.
                    offset += UInt64.random(in: 1...3, using: &random)
                    let text = String(repeating: "x", count: Int.random(in: 0...300, using: &random))
                    history.append(Self.publication(offset, "\(offset)\(text)"), policy: policy)
                }
            }
            if Bool.random(using: &random) {
                lines.follow(history)
                #expect(String(buffer: lines.bytes) == Self.rendered(history), "seed \(seed)")
            }
        }
    }

    @Test("Each publication is rendered once")
    func once() {
        let format = RoomFormat()
        let lines = SnapshotLines(format: format)
        var history = History()
        for offset in 1...1000 as ClosedRange<UInt64> {
            history.append(Self.publication(offset, "x"), policy: HistoryPolicy(limit: 100))
            lines.follow(history)
            lines.follow(history)
        }
        #expect(format.renderingCount == 1000)
    }

    @Test("What has gone from the history takes no room for long", arguments: [1, 100])
    func memory(limit: Int) {
        let lines = SnapshotLines(format: RoomFormat())
        let policy = HistoryPolicy(limit: limit)
        var history = History()
        for offset in 1...50 as ClosedRange<UInt64> {
            history.append(Self.publication(offset, String(repeating: "x", count: 10_000)), policy: policy)
            lines.follow(history)
        }
        #expect(lines.memoryBytes <= 10_100 * min(limit, 50) * 4)
        for offset in 51...1000 as ClosedRange<UInt64> {
            history.append(Self.publication(offset, "x"), policy: policy)
            lines.follow(history)
        }
        #expect(lines.memoryBytes < 8192)
        lines.follow(History())
        #expect(lines.memoryBytes == 0)
        #expect(lines.bytes.readableBytes == 0)
    }

    private static func publication(_ offset: UInt64, _ text: String) -> Publication {
        Publication(
            offset: offset,
            time: WallTime(milliseconds: 0),
            sender: Sender(id: "a", name: "a"),
            payload: .text(ByteBuffer(string: text))
        )
    }

    private static func rendered(_ history: History) -> String {
        var bytes = ByteBuffer()
        for publication in history.all { RoomFormat().encodeLine(publication, into: &bytes) }
        return String(buffer: bytes)
    }
}
