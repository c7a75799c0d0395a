internal import JWTKit
internal import NIOCore
package import ParleyHub
package import ParleyModel
internal import ParleyText

/// Session tokens as JWS compact with a shared secret: HS256, HS384 and HS512 are verified, HS256 is issued.
///
/// `none` and asymmetric algorithms are refused by choosing the key by the header's `alg` from a fixed table. `exp` and `nbf` are
/// enforced without leeway, `iat` is not looked at. Source: session chat specification, *Token*.
package struct SessionTokenAuthority: Authenticator {
    private let keysByAlgorithm: [TokenHeader.Algorithm: JWTKeyCollection]
    private let wallTime: @Sendable () -> WallTime

    /// - Parameter secret: The shared secret; its UTF-8 bytes are the key.
    package init(secret: String, wallTime: @escaping @Sendable () -> WallTime) async {
        // A shared secret may be any string, while JWTKit insists on as many bytes as the hash has. HMAC pads a short key with
        // zeros up to the hash's block (RFC 2104 §2), so that padding it here changes no signature.
        func key(atLeast length: Int) -> HMACKey {
            let bytes = Array(secret.utf8)
            return HMACKey(from: bytes + [UInt8](repeating: 0, count: max(0, length - bytes.count)))
        }
        self.keysByAlgorithm = [
            .hs256: await JWTKeyCollection().add(hmac: key(atLeast: 32), digestAlgorithm: .sha256),
            .hs384: await JWTKeyCollection().add(hmac: key(atLeast: 48), digestAlgorithm: .sha384),
            .hs512: await JWTKeyCollection().add(hmac: key(atLeast: 64), digestAlgorithm: .sha512),
        ]
        self.wallTime = wallTime
    }

    /// - Throws: ``TokenFailure``, or what JWTKit says of the signature.
    package func verify(_ token: String) async throws -> SessionClaims {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw TokenFailure.malformed }
        let header = try TokenHeader(Self.bytes(of: parts[0]))
        guard let keys = self.keysByAlgorithm[header.algorithm] else { throw TokenFailure.algorithm }
        // A library may read more than an encoder writes.
        _ = try Self.bytes(of: parts[2])
        _ = try await keys.verify(token, as: Unread.self)
        let claims = try TokenClaims(Self.bytes(of: parts[1]))
        try claims.check(at: self.wallTime())
        return claims.session
    }

    /// Base64 for URLs, without padding (RFC 7515 §2).
    /// - Throws: ``TokenFailure/malformed`` for anything that an encoder would not have written.
    private static func bytes(of part: Substring.UTF8View) throws(TokenFailure) -> ByteBuffer {
        guard let bytes = Base64.decode(part, .strict, alphabet: .url) else { throw .malformed }
        return ByteBuffer(bytes: bytes)
    }

    package func issue(_ claims: SessionClaims) async throws -> String {
        guard let keys = self.keysByAlgorithm[.hs256] else { throw TokenFailure.algorithm }
        return try await keys.sign(
            IssuedClaims(
                userId: claims.userID.value,
                roomId: claims.roomID?.value,
                host: claims.host,
                iat: Double(self.wallTime().seconds),
                exp: claims.expiresAt.map { Double($0.seconds) }
            )
        )
    }
}

/// A payload of which the signature alone is looked at: what it says is read by ``TokenClaims``, as a decoder of Foundation's takes
/// null for absent, the first of two members, and halves of surrogate pairs in its own way.
private struct Unread: JWTPayload {
    init(from decoder: any Decoder) {}
    func encode(to encoder: any Encoder) {}
    func verify(using key: some JWTAlgorithm) {}
}

private struct IssuedClaims: JWTPayload {
    var userId: String
    var roomId: String?
    var host: String?
    var iat: Double
    var exp: Double?

    func verify(using key: some JWTAlgorithm) {}
}
