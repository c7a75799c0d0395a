import ParleyModel
import Testing

/// The pages under `docs/` print tables that live in the sources: they must say the same.
@Suite struct ErrorTableTests {
    @Test("docs/errors.md prints every close reason, in order")
    func closeReasons() throws {
        let expected = CloseReason.all.map { ["\($0.code)", $0.reason, $0.mayReconnect ? "yes" : "no", $0.label] }
        #expect(try Page("errors.md").rows(withFirstHeading: "code") == expected)
    }

    @Test("docs/errors.md prints every refusal, in order")
    func refusals() throws {
        let expected = Refusal.all.map { ["\($0.status)", $0.text, $0.label] }
        #expect(try Page("errors.md").rows(withFirstHeading: "status") == expected)
    }

    @Test("docs/errors.md prints every failure of session backends, in order")
    func backendFailures() throws {
        let expected = BackendFailure.all.map { ["\($0.status)", $0.code, "\($0.planeStatus)", $0.kind, $0.text] }
        #expect(try Page("errors.md").rows(withFirstHeading: "HTTP") == expected)
    }
}
