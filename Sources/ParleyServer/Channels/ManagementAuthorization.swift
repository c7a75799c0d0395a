internal import Crypto
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyModel

/// Who may use the management API of the channel server.
public enum ManagementAuthorization: Sendable {
    /// Nobody.
    case off
    /// Callers on this machine.
    case loopback
    /// Bearers of this token.
    case token(String)
    /// Requests signed with this key pair (AWS Signature Version 4).
    case signature(accessKeyID: String, secretAccessKey: String)

    func allows(_ request: Request, body: ByteBuffer, from address: SocketAddress?, now: WallTime) -> Bool {
        switch self {
        case .off:
            return false
        case .loopback:
            return address.map(Self.isLoopback) ?? false
        case .token(let token):
            guard let given = AuthorizationField.bearer(request.headers[.authorization]) else { return false }
            return Self.equal(token, given)
        case .signature(let accessKeyID, let secretAccessKey):
            let signature = RequestSignature(accessKeyID: accessKeyID, secretAccessKey: secretAccessKey)
            return signature.isValid(request, body: body, now: now)
        }
    }

    private static func isLoopback(_ address: SocketAddress) -> Bool {
        guard let ip = address.clientIP else { return false }
        return ip.hasPrefix("127.") || ip == "::1"
    }

    /// Compares without telling by its duration where two strings begin to differ.
    static func equal(_ expected: String, _ given: String) -> Bool {
        let digests = (SHA256.hash(data: Array(expected.utf8)), SHA256.hash(data: Array(given.utf8)))
        return digests.0 == digests.1
    }
}
