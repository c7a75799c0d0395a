internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyDialects
internal import ParleyModel

/// The AI without a socket.
struct ChatRoutes: Sendable {
    let services: GatewayServices

    func chat(_ request: GatewayRequest) async throws -> Response {
        let body = try await request.body()
        let chat: ChatRequest
        switch ChatRequest.parse(body.readableBytes > 0 ? body : nil) {
        case .success(let parsed): chat = parsed
        case .failure(let failure): return .failure(.badRequest, failure.text)
        }
        var response = ""
        do {
            for try await piece in self.services.chat.answer(to: chat.turns, locale: chat.locale) { response += piece }
        } catch {
            return .failure(.badGateway, "The answer broke off")
        }
        return .success { [response] in
            $0.write("response", response)
            $0.write("timestamp", self.services.wallTime().iso8601)
        }
    }

    func status() -> Response {
        .success {
            $0.write("status", "available")
            $0.write("provider", self.services.chat.name)
            $0.write("timestamp", self.services.wallTime().iso8601)
        }
    }
}
