internal import Hummingbird
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO

/// `POST /api/emit`: a trusted program speaks to a session, to a user, or to everybody, over both protocols.
struct EmitRoute: Sendable {
    let services: GatewayServices

    func emit(_ request: GatewayRequest) async throws -> Response {
        if let refusal = AdminToken(self.services.configuration.adminToken).refusal(request) { return refusal }
        let body = JSONFields(try await request.body())
        if let flaw = body?.halves("event", "session", "user") { return .failure(.badRequest, flaw) }
        guard let fields = body, let event = fields.name("event"), !event.isEmpty,
            ["session", "user"].allSatisfy({ !fields.has($0) || fields.name($0)?.isEmpty == false })
        else {
            return .failure(
                .badRequest,
                "Expected {\"event\":\"…\",\"data\":…}, and \"session\" or \"user\" for one of them alone"
            )
        }
        guard !ReservedEvent.contains(event) else {
            return .failure(.badRequest, "The event name '\(event)' is reserved by Socket.IO")
        }
        if let token = fields.name("session") {
            do {
                guard try await self.services.sessions.find(token, now: self.services.wallTime()) != nil else {
                    return .failure(.notFound, "No such session")
                }
            } catch {
                return .storeFailure
            }
        }
        let count = await self.services.live.emit(
            event: event,
            data: fields.json("data") ?? ByteBuffer(string: "null"),
            session: fields.name("session"),
            user: fields.name("user")
        )
        return .success {
            $0.write("message", "Event sent")
            $0.write("connections", count)
        }
    }
}
