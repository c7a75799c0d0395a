import ParleyModel
import Testing

/// Tests of `AuthorizationField.swift`.
@Suite struct AuthorizationFieldTests {
    static let bearers: [(field: String?, token: String?)] = [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER abc", "abc"),
        ("bEaReR abc", "abc"),
        ("Bearer  abc", "abc"),
        ("Bearer        abc", "abc"),
        ("  Bearer abc \t", "abc"),
        ("Bearer a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="),
        // Secrets of our own may have spaces; a wrong token is found out by comparing it.
        ("Bearer open sesame", "open sesame"),
        ("Bearer é", "é"),
        (nil, nil),
        ("", nil),
        ("Bearer", nil),
        ("Bearer ", nil),
        ("Bearer   ", nil),
        ("abc", nil),
        ("Bearerabc", nil),
        ("Bearer\tabc", nil),
        ("Bearer=abc", nil),
        ("Bearers abc", nil),
        ("Bear abc", nil),
        ("Basic abc", nil),
        ("Token Bearer abc", nil),
        // A Kelvin sign is no k, and combining marks make no new letter.
        ("Bearer\u{301} abc", nil),
        ("\u{212A}earer abc", nil),
    ]

    @Test("A bearer token stands behind its scheme and one or more spaces", arguments: bearers)
    func bearer(field: String?, token: String?) {
        #expect(AuthorizationField.bearer(field) == token)
    }

    @Test(
        "Other schemes are read the same way",
        arguments: [
            ("basic", "Basic  eDp5", "eDp5"), ("basic", "bASIC eDp5", "eDp5"), ("basic", "Bearer eDp5", nil),
            ("aws4-hmac-sha256", "AWS4-HMAC-SHA256 Credential=a, Signature=b", "Credential=a, Signature=b"),
            ("aws4-hmac-sha256", "aws4-hmac-sha256   Credential=a", "Credential=a"),
        ] as [(String, String, String?)]
    )
    func schemes(scheme: String, field: String, credentials: String?) {
        #expect(AuthorizationField.credentials(of: scheme, in: field) == credentials)
    }
}
