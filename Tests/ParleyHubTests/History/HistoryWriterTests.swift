import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct HistoryWriterTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let den = TopicKey(space: SpaceID(rawValue: 0), name: TopicName("den"))
    private let hall = TopicKey(space: SpaceID(rawValue: 0), name: TopicName("hall"))

    @Test("What is decided in a tick is one write, and the next tick's waits until it is there")
    func batching() {
        var writer = HistoryWriter()
        #expect(writer.begin() == nil)
        writer.add(self.decision(self.den, 1, 2), keeping: 100)
        writer.add(self.decision(self.hall, 1), keeping: 100)
        #expect(writer.begin()?.publications.map(\.publication.offset) == [1, 2, 1])
        writer.add(self.decision(self.den, 3), keeping: 100)
        #expect(!writer.isDue)
        #expect(writer.begin() == nil)

        let (decisions, back) = writer.succeeded()
        #expect(decisions.map(\.topic) == [self.den, self.hall])
        #expect(back.isEmpty)
        #expect(writer.isDue)
        #expect(writer.begin()?.publications.map(\.publication.offset) == [3])
        #expect(writer.succeeded().decisions.map(\.topic) == [self.den])
        #expect(writer.begin() == nil)
    }

    @Test("A write that fails is made again with longer and longer pauses, and is the same")
    func retries() {
        var writer = HistoryWriter()
        writer.add(self.decision(self.den, 1), keeping: 5)
        let write = writer.begin()
        var now = Self.start
        var pauses: [TimeAmount] = []
        for _ in 0..<4 {
            let failure = writer.failed(now: now)
            pauses.append(failure.retry - now)
            now = failure.retry
            #expect(writer.current == write)
            #expect(writer.begin() == nil)
        }
        #expect(pauses == [.milliseconds(50), .milliseconds(200), .seconds(1), .seconds(1)])
        #expect(writer.succeeded().back == [self.den])
        #expect(writer.current == nil)
    }

    @Test("Each topic is told once that it has to wait, and after ten seconds that nothing may wait any more")
    func waiting() {
        var writer = HistoryWriter()
        writer.add(self.decision(self.den, 1), keeping: 5)
        _ = writer.begin()
        var failure = writer.failed(now: Self.start)
        #expect(failure.waiting == [self.den])
        #expect(failure.expired.isEmpty)
        writer.add(self.decision(self.hall, 1), keeping: 5)
        failure = writer.failed(now: Self.start + .milliseconds(9999))
        #expect(failure.waiting == [self.hall])
        #expect(failure.expired.isEmpty)
        failure = writer.failed(now: Self.start + .seconds(10))
        #expect(failure.waiting.isEmpty)
        #expect(failure.expired == [self.den, self.hall])
        #expect(writer.succeeded().back == [self.den, self.hall])
        // What failed before is over.
        _ = writer.begin()
        #expect(writer.failed(now: Self.start + .seconds(11)).expired.isEmpty)
    }

    @Test("A topic that is forgotten takes what was decided last with it, and may begin anew in the same write")
    func removal() {
        var writer = HistoryWriter()
        writer.add(self.decision(self.den, 7), keeping: 5)
        writer.add(self.decision(self.hall, 1), keeping: 5)
        writer.remove(self.den)
        writer.remove(self.den)
        writer.add(self.decision(self.den, 1), keeping: 5)
        let write = writer.begin()
        #expect(write?.removals == [self.den])
        #expect(write?.publications.map(\.topic) == [self.hall, self.den])
        #expect(write?.publications.map(\.publication.offset) == [1, 1])
        #expect(writer.succeeded().decisions.map(\.topic) == [self.hall, self.den])
    }

    private func decision(_ topic: TopicKey, _ offsets: UInt64...) -> HistoryWriter.Decision {
        let said = offsets.map { offset in
            TopicRecord.Said(
                publication: Publication(
                    offset: offset,
                    time: WallTime(milliseconds: 0),
                    sender: Sender(id: "a", name: "a"),
                    payload: .text(ByteBuffer(string: "x"))
                ),
                excluding: nil
            )
        }
        let record = TopicRecord(
            position: StreamPosition(epoch: 1, offset: offsets.last ?? 0),
            origin: nil,
            accepted: 1,
            change: .published(said)
        )
        return HistoryWriter.Decision(topic: topic, record: record)
    }
}
