import Testing

@testable import ParleyBackends

@Suite(.timeLimit(.minutes(1))) struct OutputFeedTests {
    @Test("A reader gets lines in order, those before it and those after, and the end")
    func order() async {
        let feed = OutputFeed()
        feed.append("one")?.perform()
        async let lines: [String] = {
            var lines: [String] = []
            while let line = await feed.next() { lines.append(line) }
            return lines
        }()
        feed.append("two")?.perform()
        feed.append("three")?.perform()
        feed.finish()
        #expect(await lines == ["one", "two", "three"])
    }

    @Test("What a slow reader has not taken is bounded in lines and bytes, and the newest stays")
    func bounds() async {
        let feed = OutputFeed()
        for number in 0..<5000 { feed.append("\(number)")?.perform() }
        #expect(await feed.next() == "4000")
        let long = String(repeating: "x", count: 16 * 1024)
        for _ in 0..<1000 { feed.append(long)?.perform() }
        feed.finish()
        var bytes = 0
        while let line = await feed.next() { bytes += line.utf8.count }
        #expect(bytes > 1 << 19 && bytes <= OutputLog.maximumBytes)
    }

    @Test("A reader whose task is cancelled hears the end")
    func cancellation() async {
        let feed = OutputFeed()
        let reader = Task { await feed.next() }
        reader.cancel()
        #expect(await reader.value == nil)
    }
}
