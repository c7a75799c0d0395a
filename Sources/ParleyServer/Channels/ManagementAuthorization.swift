internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyModel
internal import ParleyTransport

/// Who may use the management API of the channel server.
public enum ManagementAuthorization: Sendable {
    /// Nobody.
    case off
    /// Programs on this machine, and pages that come from it: browsers here show pages of others, too, and any of those can send a
    /// request without reading its answer.
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
            return LocalCaller(ownHosts: []).allows(
                address: address?.clientIP,
                authority: request.head.authority,
                origin: request.headers[.origin],
                site: HTTPField.Name("Sec-Fetch-Site").flatMap { request.headers[$0] }
            )
        case .token(let token):
            guard let given = AuthorizationField.bearer(request.headers[.authorization]) else { return false }
            return ConstantTime.areEqual(given, token)
        case .signature(let accessKeyID, let secretAccessKey):
            let signature = RequestSignature(accessKeyID: accessKeyID, secretAccessKey: secretAccessKey)
            return signature.isValid(request, body: body, now: now)
        }
    }
}
