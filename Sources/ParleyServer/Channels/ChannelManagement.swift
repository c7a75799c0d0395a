internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyHTTP
internal import ParleyHub
internal import ParleyModel
internal import ParleyText
internal import ParleyTransport

/// The channel server's management API: `@connections` as API Gateway has it, and the table of connections.
///
/// A middleware, as the path may carry a stage prefix and percent-encoded parts that a router would not match.
/// Source: channel server specification, *Management API*.
struct ChannelManagement: RouterMiddleware {
    typealias Context = APIContext

    static let maximumBodyBytes = 131_072

    let hub: Hub
    let registry: ChannelRegistry
    let authorization: ManagementAuthorization
    /// The token for `GET /connections`; also when `@connections` itself asks for something else.
    let adminToken: String?
    /// Seconds that a connection lives at most, for the rows' `ttl`; 0: unlimited.
    let maximumLifetime: Int
    let wallTime: @Sendable () -> WallTime

    /// What there is.
    enum Resource: Equatable {
        case connection(String)
        case table

        /// OPTIONS besides.
        var methods: [String] {
            switch self {
            case .connection: ["GET", "HEAD", "POST", "DELETE"]
            case .table: ["GET", "HEAD"]
            }
        }
    }

    /// - Returns: `nil`: nothing of this API.
    static func resource(at path: RoutePath) -> Resource? {
        let components = path.components.map { PercentEncoding.decode($0) ?? String($0) }
        if components == ["connections"] { return .table }
        guard let index = components.firstIndex(of: "@connections"), index <= 1, components.count == index + 2 else {
            return nil
        }
        return .connection(components[index + 1])
    }

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard let resource = Self.resource(at: RoutePath(request.uri.path)) else {
            return try await next(request, context)
        }
        if let refusal = context.refusal { return self.error(refusal) }
        let allowed = resource.methods + ["OPTIONS"]
        if request.method == .options {
            return Response(status: .noContent, headers: [.allow: allowed.joined(separator: ", ")])
        }
        guard allowed.contains(request.method.rawValue) else { return self.error(.wrongMethod(allowed: allowed)) }
        switch resource {
        case .connection(let wireID): return try await self.connection(wireID, request, context)
        case .table: return try await self.table(request, context)
        }
    }

    /// What the server refused before it came here, in the API's own form.
    private func error(_ refusal: Refusal) -> Response {
        let type: String
        switch refusal.status {
        case 405: type = "MethodNotAllowedException"
        case 408: type = "RequestTimeoutException"
        case 413: type = "PayloadTooLargeException"
        case 500...: type = "InternalServerErrorException"
        default: type = "BadRequestException"
        }
        var response = self.error(.init(code: refusal.status), type, refusal.text)
        for header in refusal.headers {
            if let name = HTTPField.Name(header.name) { response.headers[name] = header.value }
        }
        return response
    }

    private func connection(_ wireID: String, _ request: Request, _ context: APIContext) async throws -> Response {
        var request = request
        let body = try await request.collectBody(upTo: 16 << 20)
        guard self.authorization.allows(request, body: body, from: context.remoteAddress, now: self.wallTime()) else {
            return self.error(.forbidden, "ForbiddenException", "Forbidden")
        }
        switch request.method {
        case .post: return try await self.post(body, to: wireID)
        case .delete: return try await self.delete(wireID)
        default: return try await self.describe(wireID)
        }
    }

    private var tooLarge: Response {
        self.error(.contentTooLarge, "PayloadTooLargeException", "The body exceeds \(Self.maximumBodyBytes) bytes")
    }

    private func post(_ body: ByteBuffer, to wireID: String) async throws -> Response {
        guard body.readableBytes <= Self.maximumBodyBytes else { return self.tooLarge }
        guard body.readableBytes > 0 else { return self.error(.badRequest, "BadRequestException", "The body is empty") }
        guard TextLength.isUTF8(body) else {
            return self.error(.badRequest, "BadRequestException", "The body is not UTF-8")
        }
        switch try await self.onHandler(wireID, { $0.deliver(body) }) {
        case .none: return self.gone
        case .some(false):
            return self.error(.tooManyRequests, "LimitExceededException", "The connection's buffer is full")
        case .some(true): return Response(status: .ok, headers: self.headers())
        }
    }

    private func describe(_ wireID: String) async throws -> Response {
        guard let found = self.registry.find(wireID),
            let idle = try await self.onHandler(wireID, { (NIODeadline.now() - $0.lastActive).nanoseconds / 1_000_000 })
        else { return self.gone }
        let lastActive = WallTime(milliseconds: self.wallTime().milliseconds - idle)
        var body = ByteBuffer()
        body.writeString("{\"connectedAt\":\"\(found.entry.connectedAt.iso8601)\",\"identity\":{\"sourceIp\":")
        body.writeJSONString(found.entry.sourceIP)
        body.writeString(",\"userAgent\":")
        body.writeJSONString(found.entry.userAgent)
        body.writeString("},\"lastActiveAt\":\"\(lastActive.iso8601)\"}")
        return .json(.ok, body, headers: self.headers())
    }

    private func delete(_ wireID: String) async throws -> Response {
        guard try await self.onHandler(wireID, { $0.close(.closedByManagement) }) != nil else { return self.gone }
        return Response(status: .noContent, headers: self.headers())
    }

    /// The rows of a channel, for operators.
    private func table(_ request: Request, _ context: APIContext) async throws -> Response {
        guard let adminToken = self.adminToken, let bearer = AuthorizationField.bearer(request.headers[.authorization]),
            ConstantTime.areEqual(bearer, adminToken)
        else {
            return self.error(
                .forbidden,
                "ForbiddenException",
                "Expected Authorization: Bearer $CHANNEL_MANAGEMENT_TOKEN"
            )
        }
        guard let channel = request.query["channelId"], !channel.isEmpty else {
            return self.error(.badRequest, "BadRequestException", "Expected the query parameter channelId")
        }
        let members = try await self.hub.members(of: TopicName(channel), for: .channelServer)
        var body = ByteBuffer(string: "{\"items\":[")
        var count = 0
        for member in members {
            guard let entry = self.registry.entry(of: member.client.connection) else { continue }
            body.writeString(count == 0 ? "{\"connectionId\":" : ",{\"connectionId\":")
            body.writeJSONString(entry.wireID)
            body.writeString(",\"channelId\":")
            body.writeJSONString(channel)
            body.writeString(",\"senderId\":")
            body.writeJSONString(member.id)
            // Zero is DynamoDB's way to say that a row does not expire.
            let ttl = self.maximumLifetime > 0 ? entry.connectedAt.seconds + Int64(self.maximumLifetime) + 120 : 0
            body.writeString(",\"ttl\":\(ttl)}")
            count += 1
        }
        body.writeString("],\"count\":\(count)}")
        return .json(.ok, body)
    }

    /// Runs `body` with a live connection, on its event loop.
    private func onHandler<Value: Sendable>(
        _ wireID: String,
        _ body: @escaping @Sendable (WebSocketHandler) -> Value
    ) async throws -> Value? {
        guard let found = self.registry.find(wireID) else { return nil }
        let result = try await self.hub.withConnection(found.connection) { _, connection -> Value? in
            guard let handler = connection.delegate as? WebSocketHandler, handler.isOpen else { return nil }
            return body(handler)
        }
        return result ?? nil
    }

    private var gone: Response {
        self.error(.gone, "GoneException", "The connection is not, or no longer, there")
    }

    private func headers() -> HTTPFields {
        var random: any RandomNumberGenerator = SystemRandomNumberGenerator()
        return [HTTPField.Name("x-amzn-RequestId")!: RandomIdentifier.uuid(using: &random)]
    }

    private func error(_ status: HTTPResponse.Status, _ type: String, _ message: String) -> Response {
        var headers = self.headers()
        headers[HTTPField.Name("x-amzn-ErrorType")!] = type
        var body = ByteBuffer(string: "{\"message\":")
        body.writeJSONString(message)
        body.writeString("}")
        return .json(status, body, headers: headers)
    }
}
