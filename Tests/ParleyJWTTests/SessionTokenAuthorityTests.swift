import Crypto
import Foundation
import ParleyHub
import ParleyModel
import Testing

@testable import ParleyJWT

private let now = WallTime(milliseconds: 1_700_000_000_500)
private let secret = "secret-string"

@Suite struct SessionTokenAuthorityTests {
    @Test(
        "HS256, HS384 and HS512 are accepted, with a secret shorter than any hash",
        arguments: ["HS256", "HS384", "HS512"]
    )
    func algorithms(algorithm: String) async throws {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        let token = Self.token(#"{"userId":"alice","roomId":"lobby","host":"a:1"}"#, algorithm: algorithm)
        let claims = try await authority.verify(token)
        #expect(claims == SessionClaims(userID: "alice", roomID: "lobby", host: "a:1"))
    }

    @Test("The header's kid and extra claims do not matter")
    func extras() async throws {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        let token = Self.token(#"{"userId":"alice","x":[1]}"#, header: #"{"alg":"HS256","kid":"other","typ":"JWT"}"#)
        #expect(try await authority.verify(token).userID == "alice")
    }

    @Test(
        "What is not ours, or not valid now, is refused",
        arguments: [
            token(#"{"userId":"alice"}"#, secret: "another"),
            token(#"{"userId":"alice"}"#, header: #"{"alg":"none"}"#),
            token(#"{"userId":"alice"}"#, header: #"{"alg":"RS256"}"#),
            token(#"{"userId":"alice"}"#, header: #"{"alg":"HS512"}"#),
            token(#"{"userId":"alice","exp":1699999999}"#),
            token(#"{"userId":"alice","exp":1700000000}"#),
            token(#"{"userId":"alice","exp":1700000000.5}"#),
            token(#"{"userId":"alice","nbf":1700000001}"#),
            token(#"{"userId":5}"#), token(#"{}"#), token("[]"), token("nonsense"),
            "", "a.b", "a.b.c", "....", token(#"{"userId":"alice"}"#) + "x",
            // Trailing and leading, within and around.
            token(#"{"userId":"alice"}"#) + ".", token(#"{"userId":"alice"}"#) + "=",
            " " + token(#"{"userId":"alice"}"#),
            token(#"{"userId":"alice"}"#) + "\n", token(#"{"userId":"alice"} x"#), token(#"[{"userId":"alice"}]"#),
            "=" + token(#"{"userId":"alice"}"#), "\u{FEFF}" + token(#"{"userId":"alice"}"#),
        ]
    )
    func refused(token: String) async {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        await #expect(throws: (any Error).self) { try await authority.verify(token) }
    }

    @Test(
        "A date that is none is no date that never comes",
        arguments: ["exp", "nbf"],
        ["null", "\"1700000001\"", "\"\"", "true", "false", "[]", "{}", "[1700000001]", "1e999", "-1e999"]
    )
    func unusableDates(name: String, value: String) async {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        let token = Self.token(#"{"userId":"alice","\#(name)":\#(value)}"#)
        await #expect(throws: TokenFailure.unusable) { try await authority.verify(token) }
    }

    @Test(
        "Dates are numbers of any size",
        arguments: [
            (#""exp":1e300"#, true), (#""exp":99999999999999999999999"#, true), (#""exp":1.8e9"#, true),
            (#""exp":0"#, false), (#""exp":-1"#, false), (#""exp":-1e300"#, false),
            (#""nbf":0"#, true), (#""nbf":-1e300"#, true), (#""nbf":1e300"#, false),
        ]
    )
    func extremeDates(claim: String, isValid: Bool) async {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        let claims = try? await authority.verify(Self.token(#"{"userId":"alice",\#(claim)}"#))
        #expect((claims != nil) == isValid)
    }

    @Test("When it was issued is not looked at", arguments: ["null", "\"x\"", "{}", "[]", "true", "-1", "1e999"])
    func issuedAt(value: String) async throws {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        #expect(try await authority.verify(Self.token(#"{"userId":"alice","iat":\#(value)}"#)).userID == "alice")
    }

    @Test(
        "A header that asks for more than is understood, or says things twice, is refused",
        arguments: [
            #"{"alg":"HS256","crit":["exp"],"exp":1}"#, #"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            #"{"alg":"HS256","crit":[]}"#, #"{"alg":"HS256","crit":null}"#, #"{"alg":"HS256","\u0063rit":["x"]}"#,
            #"{"alg":"HS256","alg":"HS256"}"#, #"{"alg":"HS256","typ":"JWT","typ":"JWT"}"#,
            #"{"alg":"none","alg":"HS256"}"#, #"{"alg":"HS256","alg":"none"}"#,
            #"{"alg":"hs256"}"#, #"{"alg":"HS256 "}"#, #"{"alg":null}"#, #"{"alg":["HS256"]}"#, #"{"typ":"JWT"}"#,
            #"{"alg":"None"}"#, #"{"alg":""}"#, #"{"alg":"ES256"}"#, #"{"alg":"HS256"} "x""#, "[]", "null", "",
        ]
    )
    func headers(header: String) async {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        let token = Self.token(#"{"userId":"alice"}"#, header: header)
        await #expect(throws: TokenFailure.self) { try await authority.verify(token) }
    }

    @Test("What a token is called does not matter", arguments: ["JWT", "jwt", "at+jwt", "x"])
    func types(type: String) async throws {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        let token = Self.token(#"{"userId":"alice"}"#, header: #"{"typ":"\#(type)","alg":"HS256"}"#)
        #expect(try await authority.verify(token).userID == "alice")
    }

    @Test(
        "Claims that could mean two things mean none",
        arguments: [
            #"{"userId":"alice","userId":"bob"}"#, #"{"userId":"alice","\u0075serId":"alice"}"#,
            #"{"userId":"alice","roomId":"a","roomId":"b"}"#, #"{"userId":"alice","exp":1800000000,"exp":1900000000}"#,
            #"{"userId":"\ud800"}"#, #"{"userId":"alice","roomId":"a\udfff"}"#, #"{"userId":"alice","host":"\ud800x"}"#,
            #"{"userId":null}"#, #"{"userId":["alice"]}"#, #"{"userId":"alice","roomId":5}"#,
            #"{"userId":"alice","host":{}}"#, #"{"userId":"alice","host":null}"#, #"{"userId":"alice","host":5}"#,
            #"{"userId":"alice","name":1,"name":1}"#, #"{"userId":"alice","iat":1,"iat":2}"#,
            #"{"userId":"alice","a":1,"b":2,"\u0061":3}"#, #"{"userId":"alice","host":"a","host":null}"#,
        ]
    )
    func ambiguous(payload: String) async {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        await #expect(throws: TokenFailure.unusable) { try await authority.verify(Self.token(payload)) }
    }

    @Test("A room may be null, as if it were not there")
    func nulls() async throws {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        let claims = try await authority.verify(Self.token(#"{"userId":"alice","roomId":null}"#))
        #expect(claims == SessionClaims(userID: "alice"))
    }

    @Test("Who is who is told by bytes", arguments: [("caf\u{E9}", "cafe\u{301}"), ("\u{C5}", "\u{212B}")])
    func spelling(one: String, other: String) async throws {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        let payload = #"{"userId":"\#(one)","roomId":"\#(one)"}"#
        let claims = try await authority.verify(Self.token(payload))
        #expect(claims.userID == UserID(one) && claims.userID != UserID(other))
        #expect(claims.roomID == TopicName(one) && claims.roomID != TopicName(other))
    }

    @Test("Dates in the future, and a start that has come, are fine")
    func dates() async throws {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        let token = Self.token(#"{"userId":"alice","exp":1700000001.25,"nbf":1700000000,"iat":9999999999}"#)
        #expect(try await authority.verify(token).expiresAt == WallTime(milliseconds: 1_700_000_001_250))
    }

    @Test("An issued token says what it was given, in HS256")
    func issue() async throws {
        let authority = await SessionTokenAuthority(secret: secret) { now }
        let claims = SessionClaims(
            userID: "zoë",
            roomID: "r",
            host: "h:1",
            expiresAt: WallTime(milliseconds: 1_700_000_100_000)
        )
        let token = try await authority.issue(claims)
        #expect(try await authority.verify(token) == claims)
        let header = token.split(separator: ".")[0]
        #expect(
            Data(base64Encoded: header + String(repeating: "=", count: (4 - header.count % 4) % 4)).map {
                String(decoding: $0, as: UTF8.self).contains("HS256")
            } == true
        )
    }

    private static func token(
        _ payload: String,
        algorithm: String = "HS256",
        header: String? = nil,
        secret: String = secret
    ) -> String {
        ParleyJWTTests.token(
            payload,
            header: header ?? #"{"alg":"\#(algorithm)","typ":"JWT"}"#,
            secret: secret,
            algorithm: algorithm
        )
    }
}

/// A token as any other library would make it.
private func token(
    _ payload: String,
    header: String = #"{"alg":"HS256","typ":"JWT"}"#,
    secret: String = secret,
    algorithm: String = "HS256"
) -> String {
    let signed = "\(base64URL(Data(header.utf8))).\(base64URL(Data(payload.utf8)))"
    let key = SymmetricKey(data: Data(secret.utf8))
    let signature: Data
    switch algorithm {
    case "HS384": signature = Data(HMAC<SHA384>.authenticationCode(for: Data(signed.utf8), using: key))
    case "HS512": signature = Data(HMAC<SHA512>.authenticationCode(for: Data(signed.utf8), using: key))
    default: signature = Data(HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: key))
    }
    return "\(signed).\(base64URL(signature))"
}

private func base64URL(_ data: Data) -> String {
    data.base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
        .replacingOccurrences(of: "=", with: "")
}
