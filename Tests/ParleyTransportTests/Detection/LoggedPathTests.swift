import Testing

@testable import ParleyTransport

@Suite struct LoggedPathTests {
    private static let token = "tB3xQ9vN2mK7pL5wR8sD4fG6hJ1kZ0cXyUoIeAaBbCc"
    private static let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJhbGljZSJ9.c2lnbmF0dXJlb2Zzb21lbGVuZ3Ro"

    @Test(
        "A path in the log is as it was asked for, but for what could be a secret",
        arguments: [
            ("/", "/"), ("/relay/a?token=x", "/relay/a"), ("/?token=x", "/"), ("/b/secret/index.html", "/b/…"),
            ("/b", "/b"),
            ("/ready/id/secret/", "/ready/…"), ("/a#b", "/a"), ("/backends", "/backends"), ("/nope", "/nope"),
            ("/nope/x", "/nope/x"), ("/a-segment-of-more-than-20-bytes/x", "/a-se…"),
            ("/api/auth/session", "/api/auth/session"), ("/socket.io/?EIO=4", "/socket.io/"),
            ("/@connections/x", "/@connections/x"),
            ("http://host:1/healthz?a", "/healthz"), ("http://host", "…"), ("*", "…"), ("", "…"), ("host:443", "…"),
        ]
    )
    func paths(path: String, logged: String) {
        #expect(LoggedPath.of(path) == logged)
    }

    @Test(
        "A token is not in the log, wherever it was asked for",
        arguments: [token, jwt].flatMap { secret in
            [
                "/\(secret)", "/\(secret)/", "/\(secret)/index.html", "//\(secret)/", "/b/\(secret)/x", "/B/\(secret)/",
                "/b//\(secret)",
                "/ready/id/\(secret)/", "/READY/id/\(secret)/", "/v2/\(secret)/", "/api/\(secret)", "/relay/\(secret)",
                "/?token=\(secret)", "/%3Ftoken=\(secret)", "/%3ftoken=\(secret)", "/%253Ftoken=\(secret)",
                "/a%23\(secret)",
                "/ws%3Ftoken=\(secret)", "/relay/a%3Ftoken=\(secret)", "/api%2525253ftoken=\(secret)",
                "/;token=\(secret)",
                "/%2F\(secret)/", "/.\(secret)", "http://host/\(secret)/", "http://host?\(secret)",
                "http://\(secret)@host/", secret,
            ]
        }
    )
    func secrets(path: String) {
        let logged = LoggedPath.of(path)
        for secret in [Self.token, Self.jwt] {
            for part in [secret.prefix(12), secret.suffix(12)] { #expect(!logged.contains(part), "\(logged)") }
        }
    }
}
