import ParleyModel
import Testing

@testable import ParleyTransport

@Suite struct RequestHeadScannerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: String
        let verdict: RequestHeadScanner.Verdict
    }

    static let cases: [Case] = [
        Case(testDescription: "a plain request", head: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", verdict: .complete),
        Case(
            testDescription: "bare line feeds",
            head: "GET / HTTP/1.1\nHost: a\n\n",
            verdict: .refuse(.bareLineFeed)
        ),
        Case(
            testDescription: "one behind a field",
            head: "GET / HTTP/1.1\r\nHost: a\n\r\n",
            verdict: .refuse(.bareLineFeed)
        ),
        Case(
            testDescription: "one at the end",
            head: "GET / HTTP/1.1\r\nHost: a\r\n\n",
            verdict: .refuse(.bareLineFeed)
        ),
        Case(testDescription: "one before", head: "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", verdict: .complete),
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

    @Test(
        "A higher minor version is found where it stands, and nothing else is taken for one",
        arguments: [
            ("GET / HTTP/1.2", true), ("GET /a?b HTTP/1.9", true), ("\r\nGET / HTTP/1.2", true),
            ("GET / HTTP/1.1", false), ("GET / HTTP/1.0", false), ("GET / HTTP/2.2", false), ("GET /HTTP/1.2 x", false),
            ("GET / HTTP/1.1\r\nA: x HTTP/1.2", false), ("GET / http/1.2", false), ("GET /2", false),
        ]
    )
    func higherVersion(start: String, isHigher: Bool) {
        let bytes = Array((start + "\r\nHost: a\r\n\r\n").utf8)
        let expected = isHigher ? start.utf8.count - 1 : nil
        var whole = RequestHeadScanner()
        _ = bytes.withUnsafeBytes { whole.scan($0) }
        #expect(whole.higherMinorVersion == expected)
        var scanner = RequestHeadScanner()
        var found: Int?
        for (index, byte) in bytes.enumerated() {
            _ = withUnsafeBytes(of: byte) { scanner.scan($0) }
            if scanner.higherMinorVersion != nil { found = index }
        }
        #expect(found == expected)
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
