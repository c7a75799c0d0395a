import NIOCore
import Testing

@testable import ParleyModel

@Suite struct ErrorTextTests {
    private struct Spoken: SpokenError { let description: String }
    private struct Raw: Error, CustomStringConvertible { let description = "Authorization: Bearer secret" }
    private struct Wrapper: Error { let attempts: [any Error] }

    @Test("Our own sentences are shown, to a length")
    func spoken() {
        #expect(ErrorText.of(Spoken(description: "The disk is full")) == "The disk is full")
        let long = ErrorText.of(Spoken(description: String(repeating: "\u{E9}", count: 5000)))
        #expect(long.utf8.count <= ErrorText.maximumBytes + 3 && long.hasSuffix("\u{2026}"))
    }

    @Test("Words of a library are not, as they may have a request in them")
    func raw() {
        #expect(ErrorText.of(Raw()) == "Raw")
        #expect(ErrorText.of(Wrapper(attempts: [Raw()])) == "Wrapper")
    }

    @Test("What the system said is, wherever it is")
    func system() {
        let refused = IOError(errnoCode: 111, reason: "connect")
        #expect(ErrorText.of(refused).lowercased().contains("refused"))
        #expect(ErrorText.of(Wrapper(attempts: [Raw(), Wrapper(attempts: [refused])])) == ErrorText.of(refused))
        // Longer than a name may be: no resolver is asked.
        let unknown = #expect(throws: (any Error).self) {
            try SocketAddress.makeAddressResolvingHost(String(repeating: "x", count: 300), port: 1)
        }
        #expect(unknown.map(ErrorText.of) == "the name of the host cannot be resolved")
    }
}
