import ParleyBackends
import ParleyModel
import Testing

@testable import ParleyBackendsHTTP

@Suite struct StreamLimitsTests {
    @Test("Streams of a backend are bounded by kind, and places come back")
    func limits() throws {
        let limits = StreamLimits()
        let (one, other) = (try #require(BackendID("one")), try #require(BackendID("other")))
        var permits = try (0..<StreamLimits.Kind.use.maximum).map { _ in try limits.take(.use, of: one) }
        #expect(throws: BackendFailure.tooManyStreams) { try limits.take(.use, of: one) }
        _ = try limits.take(.use, of: other)
        _ = try limits.take(.output, of: one)
        permits.removeLast()
        permits.append(try limits.take(.use, of: one))
        #expect(throws: BackendFailure.tooManyStreams) { try limits.take(.use, of: one) }
    }
}
