import Testing

@testable import parley

@Suite struct LogTextTests {
    @Test(
        "Every URL in a sentence loses user, password and query, and the sentence nothing else",
        arguments: [
            ("--url is 'http://u:p@h:99999/x?k=v', from", "--url is 'http://********@h:99999/x?********', from"),
            ("http://u:p@h does not answer: refused.", "http://********@h does not answer: refused."),
            ("see https://host/v1.", "see https://host/v1."), ("(http://h/?a=b).", "(http://h/?********)."),
            ("ws://a?b and wss://c@d, x", "ws://a?******** and wss://********@d, x"),
            ("DATABASE_URL=postgres://u:p@db/x run", "DATABASE_URL=postgres://********@db/x run"),
            ("no url, mail@host? yes", "no url, mail@host? yes"), ("", ""), ("://", "://"), ("a://", "a://"),
        ]
    )
    func credentials(text: String, shown: String) {
        #expect(LogText.withoutCredentials(text) == shown)
    }

    @Test(
        "Nothing ends a line",
        arguments: [
            ("a\nFORGED", "a\\nFORGED"), ("a\r\nb", "a\\r\\nb"), ("\u{1B}[31m", "\\u001b[31m"), ("\u{2028}", "\\u2028"),
        ]
    )
    func escapes(text: String, shown: String) {
        #expect(LogText.escaped(text, isQuoted: false) == shown)
    }
}
