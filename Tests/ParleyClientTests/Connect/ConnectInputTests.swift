import Testing
import parley

@Suite("Lines at the prompt")
struct ConnectInputTests {
    @Test(
        "A line is a message or a command",
        arguments: [
            ("hello", .message("hello")),
            ("", .message("")),
            (" /ping", .message(" /ping")),
            ("//ping", .message("/ping")),
            ("/ping", .ping),
            ("/help", .help),
            ("/quit", .quit),
            ("/close", .close(code: 1000, reason: "")),
            ("/close 4000", .close(code: 4000, reason: "")),
            ("/close 1000 see you", .close(code: 1000, reason: "see you")),
            ("/binary 00 fF", .binary([0, 255])),
        ] as [(String, ConnectInput)]
    )
    func lines(_ line: String, _ input: ConnectInput) {
        #expect(ConnectInput(line) == input)
    }

    @Test(
        "A command that cannot be done says why",
        arguments: [
            "/", "/pong", "/close x", "/close 1005", "/close 1001", "/close 70000", "/binary", "/binary 0",
            "/binary 0g", "/binary ００", "/binary \u{A0}",
        ]
    )
    func unusable(_ line: String) {
        guard case .unusable(let reason) = ConnectInput(line) else {
            Issue.record("expected a reason, got \(ConnectInput(line))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test("Input is cut into lines wherever its pieces end", arguments: 1...9)
    func splitting(_ length: Int) {
        let bytes = Array("a\nbé\r\n\nlast".utf8)
        var splitter = LineSplitter()
        var lines: [String] = []
        for start in stride(from: 0, to: bytes.count, by: length) {
            lines += splitter.split(bytes[start..<min(start + length, bytes.count)])
        }
        #expect(lines == ["a", "bé", ""])
        #expect(splitter.finish() == "last")
        #expect(splitter.finish() == nil)
    }
}
