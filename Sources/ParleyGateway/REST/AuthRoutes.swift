internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyHTTP
internal import ParleyHub
internal import ParleyModel
internal import ParleyText
internal import ParleyTransport

/// Sessions: acquired, looked at, linked to a user, ended.
struct AuthRoutes: Sendable {
    let services: GatewayServices

    func acquire(_ request: GatewayRequest) async throws -> Response {
        let body = try await request.body()
        let session: GatewaySession
        do {
            session = try await self.services.acquireSession(metadata: Self.metadata(of: request, body))
        } catch {
            return .storeFailure
        }
        return .success {
            $0.write(
                "data",
                object: {
                    $0.write("token", session.token)
                    $0.write("expiresAt", session.expiresAt.iso8601)
                }
            )
        }
    }

    /// Bounded, as anybody may acquire sessions.
    private static func metadata(of request: GatewayRequest, _ body: ByteBuffer) -> [String: String] {
        let forwarded = HTTPField.Name("X-Forwarded-For").flatMap { request.request.headers[$0] }
        let values = [
            "userAgent": request.request.headers[.userAgent],
            "ip": forwarded?.split(ascii: ",").first.map { String($0.trimmingOptionalWhiteSpace) }
                ?? request.context.remoteAddress?.clientIP,
            "platform": JSONFields(body)?.string("platform"),
        ]
        // Not of characters: one of them may have any number of accents.
        return values.compactMapValues { $0.map { String($0.unicodeScalars.prefix(256)) } }
    }

    func show(_ request: GatewayRequest) async throws -> Response {
        guard let token = request.token(in: try await request.body()) else {
            return .failure(.unauthorized, "No token provided")
        }
        let session: GatewaySession?
        do {
            session = try await self.services.sessions.touch(token, now: self.services.wallTime())
        } catch {
            return .storeFailure
        }
        guard let session else { return .failure(.unauthorized, "Invalid or expired session") }
        return .success {
            $0.write(
                "data",
                object: {
                    $0.write("token", session.token)
                    $0.write("userId", json: session.userID.map { ByteBuffer(jsonString: $0.value) })
                    $0.write("isLoggedIn", session.isLoggedIn)
                    $0.write("expiresAt", session.expiresAt.iso8601)
                }
            )
        }
    }

    func logout(_ request: GatewayRequest) async throws -> Response {
        guard let token = request.token(in: try await request.body()) else {
            return .failure(.badRequest, "No token provided")
        }
        do {
            try await self.services.sessions.delete(token)
        } catch {
            return .storeFailure
        }
        await self.services.live.end(session: token)
        return .success { $0.write("message", "Logged out successfully") }
    }

    func link(_ request: GatewayRequest) async throws -> Response {
        if let refusal = AdminToken(self.services.configuration.adminToken).refusal(request) { return refusal }
        let body = JSONFields(try await request.body())
        if let flaw = body?.halves("token", "userId") { return .failure(.badRequest, flaw) }
        guard let fields = body, let token = fields.name("token"), let userID = fields.name("userId"),
            (1...256).contains(userID.utf16.count)
        else {
            return .failure(.badRequest, "Expected {\"token\":\"…\",\"userId\":\"…\"}, userId of 1 to 256 characters")
        }
        do {
            let isLinked = try await self.services.sessions.link(
                token,
                userID: UserID(userID),
                now: self.services.wallTime()
            )
            return isLinked
                ? .success { $0.write("message", "Session linked") } : .failure(.notFound, "No such session")
        } catch {
            return .storeFailure
        }
    }
}

/// Who may do what sessions may not.
struct AdminToken: Sendable {
    private let token: String?

    init(_ token: String?) {
        self.token = token
    }

    /// - Returns: `nil` when the request may go on.
    func refusal(_ request: GatewayRequest) -> Response? {
        guard let token, !token.isEmpty else { return .failure(.notFound, "Not found") }
        let given = AuthorizationField.bearer(request.request.headers[.authorization]) ?? ""
        return ConstantTime.areEqual(given, token) ? nil : .failure(.unauthorized, "Invalid admin token")
    }
}
