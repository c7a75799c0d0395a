import ParleyModel
import Testing

@testable import ParleyHub

/// Tests of `Authenticator.swift`.
@Suite struct AuthenticatorTests {
    @Test("A token issued is verified to its claims, another is unknown")
    func roundTrip() throws {
        let authenticator = MemoryAuthenticator()
        let claims = SessionClaims(userID: "alice", roomID: "r1", host: "h:1", expiresAt: WallTime(milliseconds: 5))
        let token = authenticator.issue(claims)
        #expect(authenticator.issue(SessionClaims(userID: "bob")) != token)
        #expect(try authenticator.verify(token) == claims)
        #expect(throws: MemoryAuthenticator.UnknownToken.self) { try authenticator.verify(token + "x") }
    }

    @Test(
        "User and room are of 1 to 256 UTF-16 units",
        arguments: [
            ("a", nil, true), ("a", "b", true), ("", nil, false), ("a", "", false),
            (String(repeating: "a", count: 256), nil, true),
            (String(repeating: "a", count: 257), nil, false), (String(repeating: "😀", count: 128), "b", true),
            ("a", String(repeating: "😀", count: 129), false),
        ] as [(String, String?, Bool)]
    )
    func wellFormed(user: String, room: String?, isWellFormed: Bool) {
        #expect(SessionClaims(userID: UserID(user), roomID: room.map { TopicName($0) }).isWellFormed == isWellFormed)
    }
}
