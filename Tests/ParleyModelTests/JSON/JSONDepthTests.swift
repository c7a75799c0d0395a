import NIOCore
import Testing

@testable import ParleyModel

@Suite struct JSONDepthTests {
    static let nestings: [@Sendable (Int) -> String] = [
        { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) },
        { String(repeating: "[", count: $0) + "1" + String(repeating: "]", count: $0) },
        { String(repeating: "{\"k\":", count: $0 - 1) + "{}" + String(repeating: "}", count: $0 - 1) },
    ]

    @Test("Nesting up to the bound is accepted, one level more is not", arguments: nestings.indices, [1, 2, 5, 128])
    func bound(nesting: Int, depth: Int) {
        let text = Self.nestings[nesting]
        #expect(Self.failure(of: text(depth), maximumDepth: depth) == nil)
        #expect(Self.failure(of: text(depth + 1), maximumDepth: depth) == .tooDeep)
    }

    @Test("The bound is 128 unless told otherwise")
    func defaultBound() {
        #expect(JSONScanner.defaultMaximumDepth == 128)
        #expect(JSONScannerTests.failure(of: ByteBuffer(string: Self.nestings[0](128))) == nil)
        #expect(JSONScannerTests.failure(of: ByteBuffer(string: Self.nestings[0](129))) == .tooDeep)
    }

    @Test("The bound counts from the outermost object")
    func objectBound() throws {
        #expect(throws: JSONFailure(reason: .tooDeep, position: 12)) {
            try JSONScanner.scanObject(ByteBuffer(string: #"{"a":{"b":[[]]}}"#), maximumDepth: 3) { _, _ in }
        }
        try JSONScanner.scanObject(ByteBuffer(string: #"{"a":{"b":[[]]}}"#), maximumDepth: 4) { _, _ in }
    }

    @Test("A million brackets end at the bound, not at the end of the stack", arguments: ["[", "{\"\":"])
    func hostile(bracket: String) {
        let text = String(repeating: bracket, count: 1_000_000)
        #expect(JSONScannerTests.failure(of: ByteBuffer(string: text)) == .tooDeep)
    }

    private static func failure(of text: String, maximumDepth: Int) -> JSONFailure.Reason? {
        do throws(JSONFailure) {
            _ = try JSONScanner.scanValue(ByteBuffer(string: text), maximumDepth: maximumDepth)
            return nil
        } catch {
            return error.reason
        }
    }
}
