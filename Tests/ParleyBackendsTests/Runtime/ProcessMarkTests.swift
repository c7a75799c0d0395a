import Testing

@testable import ParleyBackends

@Suite struct ProcessMarkTests {
    private static let mark = ProcessMark(BackendID(unchecked: "abc"))

    @Test(
        "A mark is found in what the kernel says of a process",
        arguments: [
            ("Max cpu time 1 2 us\nMax realtime timeout      \(mark.limit)  unlimited            us        \n", true),
            ("Max realtime timeout      unlimited            unlimited            us        \n", false),
            ("Max realtime timeout      200000               200000               us        \n", false),
            ("Max realtime timeout\n", false), ("Max realtime priority     \(mark.limit)   0  \n", false), ("", false),
        ]
    )
    func parses(limits: String, isFound: Bool) {
        #expect(ProcessMark(limits: Array(limits.utf8)) == (isFound ? Self.mark : nil))
    }

    @Test("Each backend has its own, which limits nothing and is the same in every life")
    func marks() {
        let marks = Set((0..<10_000).map { ProcessMark(BackendID(unchecked: "backend\($0)")) })
        #expect(marks.count == 10_000)
        #expect(marks.allSatisfy { $0.limit >= 1 << 61 && $0.limit < 1 << 62 })
        #expect(ProcessMark(BackendID(unchecked: "abc")) == Self.mark)
    }
}
