import Foundation
import Testing

@testable import parley

@Suite struct LineWriterTests {
    init() {
        StandardStreams.secure()
    }

    /// A pipe: its ends close with it.
    private final class Pipe {
        let reader: Int32
        let writer: Int32

        init(isBlocking: Bool) {
            var ends: [Int32] = [0, 0]
            _ = pipe(&ends)
            (self.reader, self.writer) = (ends[0], ends[1])
            if !isBlocking { _ = fcntl(self.writer, F_SETFL, O_NONBLOCK) }
        }

        /// Reads until at least so many lines have come, and the last of them is whole.
        func lines(_ count: Int) -> [String] {
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while bytes.count(where: { $0 == 10 }) < count || bytes.last != 10 {
                let size = read(self.reader, &chunk, chunk.count)
                guard size > 0 else { break }
                bytes += chunk[..<size]
            }
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    @Test("Lines arrive whole and in order", arguments: [true, false])
    func order(isBlocking: Bool) {
        let pipe = Pipe(isBlocking: isBlocking)
        let writer = LineWriter(descriptor: pipe.writer)
        let lines = (0..<5000).map { "line \($0) \(String(repeating: "x", count: $0 % 100))" }
        for line in lines { writer.write(line) }
        #expect(pipe.lines(lines.count) == lines)
        #expect(writer.droppedCount == 0)
    }

    @Test(
        "A pipe that nobody reads stops no writer; what is beyond the bound is counted, and said",
        arguments: [true, false]
    )
    func stalled(isBlocking: Bool) {
        let pipe = Pipe(isBlocking: isBlocking)
        let writer = LineWriter(descriptor: pipe.writer, maximumBytes: 200_000) { "missing: \($0)" }
        let line = String(repeating: "x", count: 99)
        let total = 10_000
        for _ in 0..<total { writer.write(line) }
        let dropped = writer.droppedCount
        #expect(dropped > total / 2 && dropped < total)
        let began = ContinuousClock.now
        writer.flush(within: 0.05)
        #expect(ContinuousClock.now - began < .seconds(5))
        // Every line is there, or counted in the place where it is missing.
        var (there, missing) = (0, 0)
        while there + missing < total {
            for found in pipe.lines(1) {
                if found == line { there += 1 }
                missing += found.hasPrefix("missing: ") ? Int(found.dropFirst("missing: ".count)) ?? 0 : 0
                #expect(found == line || found.hasPrefix("missing: "))
            }
        }
        #expect(there == total - dropped && missing == dropped)
    }

    @Test("What a dead descriptor refuses is counted", arguments: ["/dev/full", "closed", "no reader"])
    func dead(kind: String) {
        let descriptor: Int32
        switch kind {
        case "/dev/full": descriptor = open("/dev/full", O_WRONLY)
        case "closed": descriptor = 1_000_000
        default:
            let pipe = Pipe(isBlocking: true)
            close(pipe.reader)
            descriptor = pipe.writer
        }
        let writer = LineWriter(descriptor: descriptor)
        for _ in 0..<3 {
            writer.write("one")
            writer.flush(within: 10)
        }
        #expect(writer.droppedCount == 3)
    }
}
