import ParleyBackends
import Testing

@Suite struct OutputLogTests {
    @Test("The last thousand lines are kept")
    func lines() {
        var log = OutputLog()
        for number in 0..<1500 { log.append("\(number)") }
        #expect(log.lines.count == 1000 && log.lines.first == "500" && log.lines.last == "1499")
    }

    @Test("No more than a mebibyte is kept")
    func bytes() {
        var log = OutputLog()
        for number in 0..<200 { log.append(String(repeating: "x", count: 16 * 1024) + "\(number)") }
        #expect(log.lines.reduce(0) { $0 + $1.utf8.count } <= 1 << 20)
        #expect(log.lines.last?.hasSuffix("x199") == true)
    }
}
