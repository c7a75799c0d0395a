import Testing

@testable import ParleyModel

@Suite struct RefusalTests {
    @Test("Every refusal has a status of an error", arguments: Refusal.all)
    func statuses(refusal: Refusal) {
        #expect((400...599).contains(refusal.status))
    }

    @Test("Every refusal says something in one line", arguments: Refusal.all)
    func texts(refusal: Refusal) {
        #expect(!refusal.text.isEmpty)
        #expect(refusal.text.unicodeScalars.allSatisfy { $0.isASCII && $0.value >= 0x20 })
    }

    @Test("Every label may be a metric's", arguments: Refusal.all)
    func labels(refusal: Refusal) {
        #expect(refusal.label.wholeMatch(of: /[a-z][a-z_]{0,31}/) != nil)
    }

    @Test("Every header field can be written into a response", arguments: Refusal.all)
    func headers(refusal: Refusal) {
        for header in refusal.headers {
            #expect(header.name.wholeMatch(of: /[A-Za-z\-]+/) != nil)
            #expect(header.value.unicodeScalars.allSatisfy { $0.isASCII && $0.value >= 0x20 })
        }
    }

    @Test("No two rows of the table are the same")
    func unique() {
        #expect(Set(Refusal.all).count == Refusal.all.count)
        #expect(Set(Refusal.all.map(\.text)).count == Refusal.all.count)
    }

    @Test("A status that asks for a header field has it (RFC 9110 §15)", arguments: Refusal.all)
    func required(refusal: Refusal) {
        let names = Set(refusal.headers.map(\.name))
        switch refusal.status {
        case 405: #expect(names.contains("Allow"))
        case 426: #expect(names.isSuperset(of: ["Upgrade", "Connection"]))
        case 429, 503: #expect(names.contains("Retry-After"))
        default: break
        }
    }
}
