internal import Foundation
internal import JWTKit
public import ParleyHub
public import ParleyModel

/// Session tokens as JWS compact with a shared secret: HS256, HS384 and HS512 are verified, HS256 is issued.
///
/// `none` and asymmetric algorithms are refused by choosing the key by the header's `alg` from a fixed table. `exp` and `nbf` are
/// enforced without leeway, `iat` is informational. Source: session chat specification, *Token*.
public struct SessionTokenAuthority: Authenticator {
    public struct UnsupportedAlgorithm: Error {}

    private let keysByAlgorithm: [String: JWTKeyCollection]
    private let wallTime: @Sendable () -> WallTime

    /// - Parameter secret: The shared secret; its UTF-8 bytes are the key.
    public init(secret: String, wallTime: @escaping @Sendable () -> WallTime) async {
        // A shared secret may be any string, while JWTKit insists on as many bytes as the hash has. HMAC pads a short key with
        // zeros up to the hash's block (RFC 2104 §2), so that padding it here changes no signature.
        func key(atLeast length: Int) -> HMACKey {
            let bytes = Array(secret.utf8)
            return HMACKey(from: bytes + [UInt8](repeating: 0, count: max(0, length - bytes.count)))
        }
        self.keysByAlgorithm = [
            "HS256": await JWTKeyCollection().add(hmac: key(atLeast: 32), digestAlgorithm: .sha256),
            "HS384": await JWTKeyCollection().add(hmac: key(atLeast: 48), digestAlgorithm: .sha384),
            "HS512": await JWTKeyCollection().add(hmac: key(atLeast: 64), digestAlgorithm: .sha512),
        ]
        self.wallTime = wallTime
    }

    public func verify(_ token: String) async throws -> SessionClaims {
        guard let algorithm = try Self.algorithm(of: token), let keys = self.keysByAlgorithm[algorithm] else {
            throw UnsupportedAlgorithm()
        }
        let payload = try await keys.verify(token, as: SessionPayload.self)
        let now = Double(self.wallTime().milliseconds) / 1000
        if let expiry = payload.exp, expiry <= now { throw SessionPayload.Expired() }
        if let start = payload.nbf, start > now { throw SessionPayload.NotYetValid() }
        return SessionClaims(
            userID: payload.userId,
            roomID: payload.roomId,
            host: payload.host,
            expiresAt: payload.exp.map { WallTime(milliseconds: Int64(min(max($0 * 1000, 0), 1e15))) }
        )
    }

    public func issue(_ claims: SessionClaims) async throws -> String {
        guard let keys = self.keysByAlgorithm["HS256"] else { throw UnsupportedAlgorithm() }
        let payload = SessionPayload(
            userId: claims.userID,
            roomId: claims.roomID,
            host: claims.host,
            iat: Double(self.wallTime().seconds),
            exp: claims.expiresAt.map { Double($0.seconds) },
            nbf: nil
        )
        return try await keys.sign(payload)
    }

    private static func algorithm(of token: String) throws -> String? {
        struct Header: Decodable { let alg: String }
        guard let encoded = token.split(separator: ".", omittingEmptySubsequences: false).first else { return nil }
        var base64 = encoded.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
        guard let data = Data(base64Encoded: base64) else { return nil }
        return try JSONDecoder().decode(Header.self, from: data).alg
    }
}

/// The claims on the wire. Dates are seconds, which the original's library also takes as fractions.
private struct SessionPayload: JWTPayload {
    struct Expired: Error {}
    struct NotYetValid: Error {}

    var userId: String
    var roomId: String?
    var host: String?
    var iat: Double?
    var exp: Double?
    var nbf: Double?

    /// Dates are compared by the authority, whose clock is handed in.
    func verify(using key: some JWTAlgorithm) {}
}
