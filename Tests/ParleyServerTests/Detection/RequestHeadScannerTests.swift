import ParleyModel
import Testing

@testable import ParleyServer

@Suite struct RequestHeadScannerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: String
        let verdict: RequestHeadScanner.Verdict
    }

    static let cases: [Case] = [
        Case(testDescription: "a plain request", head: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", verdict: .complete),
        Case(testDescription: "bare line feeds", head: "GET / HTTP/1.1\nHost: a\n\n", verdict: .complete),
        Case(testDescription: "no fields", head: "GET / HTTP/1.0\r\n\r\n", verdict: .complete),
        Case(
            testDescription: "empty lines before",
            head: "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            verdict: .complete
        ),
        Case(testDescription: "a head not ended", head: "GET / HTTP/1.1\r\nHost: a\r\n", verdict: .incomplete),
        Case(
            testDescription: "a folded line",
            head: "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
            verdict: .refuse(.badRequest)
        ),
        Case(testDescription: "a request line of 8192 bytes", head: line(8192) + "\r\n", verdict: .complete),
        Case(testDescription: "one of 8193", head: line(8193), verdict: .refuse(.requestLineTooLong)),
        Case(testDescription: "100 fields", head: fields(100), verdict: .complete),
        Case(testDescription: "101 fields", head: fields(101), verdict: .refuse(.headersTooLarge)),
        Case(testDescription: "a block of 16384 bytes", head: block(16384), verdict: .complete),
        Case(testDescription: "one of 16385", head: block(16385), verdict: .refuse(.headersTooLarge)),
    ]

    @Test("Whole and byte by byte, every bound holds", arguments: cases)
    func bounds(_ example: Case) {
        let bytes = Array(example.head.utf8)
        var whole = RequestHeadScanner()
        #expect(bytes.withUnsafeBytes { whole.scan($0) } == example.verdict)
        var scanner = RequestHeadScanner()
        var verdict = RequestHeadScanner.Verdict.incomplete
        for byte in bytes where verdict == .incomplete {
            verdict = withUnsafeBytes(of: byte) { scanner.scan($0) }
        }
        #expect(verdict == example.verdict)
    }

    @Test("After a head it begins anew")
    func reset() {
        var scanner = RequestHeadScanner()
        _ = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8).withUnsafeBytes { scanner.scan($0) }
        #expect(scanner.isFresh && scanner.end == 27)
    }

    private static func line(_ count: Int) -> String {
        "GET /" + String(repeating: "a", count: count - 16) + " HTTP/1.1\r\n"
    }

    private static func fields(_ count: Int) -> String {
        "GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: count) + "\r\n"
    }

    private static func block(_ count: Int) -> String {
        "GET / HTTP/1.1\r\nA: " + String(repeating: "b", count: count - 7) + "\r\n\r\n"
    }
}
