import Testing

@testable import ParleyDialects

@Suite struct DisposableChatParametersTests {
    static let thirty = String(repeating: "x", count: 30)

    @Test(
        "Name and room are trimmed and admitted",
        arguments: [
            ("abc", "abc", "abc", "abc"), ("Zoë K", "room-A_1", "Zoë K", "room-A_1"),
            (" \t\n abc \u{a0}", " abc ", "abc", "abc"),
            (thirty, thirty, thirty, thirty), ("日本語", "a-_", "日本語", "a-_"), ("😀a", "---", "😀a", "---"),
            ("a b", "012", "a b", "012"),
        ]
    )
    func admitted(name: String, room: String, trimmedName: String, trimmedRoom: String) {
        let parameters = DisposableChatParameters(name: name, room: room)
        #expect(parameters?.name == trimmedName)
        #expect(parameters?.room == trimmedRoom)
    }

    @Test(
        "A name that is missing, too short or too long is not",
        arguments: [nil, "", "ab", "  ab  ", "   ", thirty + "x", String(repeating: "😀", count: 16)] as [String?]
    )
    func badName(name: String?) {
        #expect(DisposableChatParameters(name: name, room: "room") == nil)
    }

    @Test(
        "Nor is such a room, or one with other characters",
        arguments: [
            nil, "", "ab", "  ab  ", thirty + "x", "a b!", "a b", "räume", "a/b", "a.b", "日本語", "abc\u{0}", "a\nb",
        ] as [String?]
    )
    func badRoom(room: String?) {
        #expect(DisposableChatParameters(name: "name", room: room) == nil)
    }
}
