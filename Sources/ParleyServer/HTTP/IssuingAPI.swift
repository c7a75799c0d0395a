internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyHTTP
internal import ParleyHub
internal import ParleyModel
internal import ParleyText
internal import Synchronization

/// The issuing API of session chat: log in, make a room, get a token for it.
///
/// Login asks for no proof of identity, as in the original. Source: session chat specification, *Issuing API*.
struct IssuingAPI: Sendable {
    let authenticator: any Authenticator
    let rooms: IssuedRooms
    let roomLimit: TopicLimit
    /// How long issued tokens are valid, in seconds; 0: for ever.
    let tokenLifetime: Int
    let wallTime: @Sendable () -> WallTime

    static let maximumBodyBytes = 16 * 1024

    func register(on group: RouterGroup<APIContext>) {
        group.post("login", use: self.login)
        group.post("rooms", use: self.createRoom)
        group.get("rooms/:roomId", use: self.findRoom)
    }

    @Sendable private func login(_ request: Request, _ context: APIContext) async throws -> Response {
        var request = request
        let body = try await request.collectBody(upTo: Self.maximumBodyBytes)
        var userID: String?
        var isText = false
        do throws(JSONFailure) {
            var found: JSONValue?
            // The scanner relies on UTF-8, and two broken spellings must not be one user.
            guard TextLength.isUTF8(body) else { return Self.badRequest("expected JSON in UTF-8") }
            try JSONScanner.scanObject(body) { key, value in
                if key == "userId" { found = value }
            }
            isText = found?.kind == .string
            userID = found.flatMap { JSONString.decodeName($0, in: body) }
        } catch {
            return Self.badRequest("expected a JSON object with userId: \(error)")
        }
        if isText, userID == nil {
            return Self.badRequest("userId has half of a surrogate pair in it: expected Unicode text")
        }
        guard let userID, SessionClaims.isIdentifier(userID) else {
            return Self.badRequest("userId must be a string of 1 to 256 characters")
        }
        let token = try await self.authenticator.issue(SessionClaims(userID: UserID(userID), expiresAt: self.expiry))
        return Self.json { $0.write("token", token) }
    }

    @Sendable private func createRoom(_ request: Request, _ context: APIContext) async throws -> Response {
        guard await self.bearer(of: request) != nil else { return Self.unauthorized }
        guard !self.roomLimit.isExhausted(for: nil) else { return Response(.tooManyRooms) }
        let room = self.rooms.create(host: request.head.authority ?? "")
        return Self.json { $0.write("roomId", room) }
    }

    @Sendable private func findRoom(_ request: Request, _ context: APIContext) async throws -> Response {
        guard let claims = await self.bearer(of: request) else { return Self.unauthorized }
        guard let room = context.parameters.get("roomId").flatMap({ PercentEncoding.decode($0[...]) }),
            let host = self.rooms.host(of: room, requestHost: request.head.authority ?? "")
        else { return .json(.ok, "{\"host\":null,\"token\":null}") }
        let token = try await self.authenticator.issue(
            SessionClaims(userID: claims.userID, roomID: TopicName(room), host: host, expiresAt: self.expiry)
        )
        return Self.json {
            $0.write("host", host)
            $0.write("token", token)
        }
    }

    private var expiry: WallTime? {
        self.tokenLifetime > 0
            ? WallTime(milliseconds: self.wallTime().milliseconds + Int64(self.tokenLifetime) * 1000) : nil
    }

    /// The claims of `Authorization: Bearer <token>`.
    private func bearer(of request: Request) async -> SessionClaims? {
        guard let token = AuthorizationField.bearer(request.headers[.authorization]),
            let claims = try? await self.authenticator.verify(token),
            claims.isWellFormed
        else { return nil }
        return claims
    }

    private static var unauthorized: Response { .text(.unauthorized, "Unauthorized") }

    private static func badRequest(_ message: String) -> Response {
        .json(.badRequest, JSONObjectWriter.object { $0.write("error", message) })
    }

    private static func json(_ write: (inout JSONObjectWriter) -> Void) -> Response {
        .json(.ok, JSONObjectWriter.object(write))
    }
}

/// The rooms that the issuing API has made, each with the host that it was given; the oldest are forgotten beyond a bound.
final class IssuedRooms: Sendable {
    static let maximumRooms = 100_000

    private struct State {
        var hosts: [ExactString: String] = [:]
        var order = CircularBuffer<ExactString>()
    }

    /// Hosts to spread rooms over; empty: the one that the request names.
    private let hosts: [String]
    private let state = Mutex(State())

    /// - Parameter hosts: The setting SESSION_SERVER_HOST, comma-separated.
    init(hosts: String?) {
        self.hosts = (hosts ?? "").split(separator: ",").map { String($0.trimmingWhiteSpace) }.filter { !$0.isEmpty }
    }

    func create(host requestHost: String) -> String {
        var random: any RandomNumberGenerator = SystemRandomNumberGenerator()
        let room = ExactString(RandomIdentifier.base36(length: 11, using: &random))
        let host = self.hosts.randomElement() ?? requestHost
        self.state.withLock { state in
            state.hosts[room] = host
            state.order.append(room)
            if state.order.count > Self.maximumRooms { state.hosts[state.order.removeFirst()] = nil }
        }
        return room.text
    }

    /// The room's host; the one that this request names where no hosts are configured, as a browser may come by another name.
    func host(of room: String, requestHost: String) -> String? {
        guard let host = self.state.withLock({ $0.hosts[ExactString(room)] }) else { return nil }
        return self.hosts.isEmpty ? requestHost : host
    }
}
