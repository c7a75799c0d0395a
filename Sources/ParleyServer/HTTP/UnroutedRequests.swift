internal import HTTPTypes
internal import Hummingbird
internal import ParleyModel

/// Answers what a router has no route for, each in the words of the API that it seems to be meant for.
///
/// Added to the router last, behind all its routes: requests that have a route do not come by.
struct UnroutedRequests: RouterMiddleware {
    typealias Context = APIContext

    let table: RouteTable
    /// The first that applies is used; the last must apply to everything.
    let shapes: [RefusalShape]
    /// Where a client that asks for an upgrade gets one.
    let speaksWebSocket: @Sendable (_ path: String) -> Bool
    /// What is said where there is nothing.
    var nothingHere = Refusal.notFound

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if let refusal = context.refusal { return self.response(to: refusal, request) }
        guard let refusal = self.refusal(request) else {
            // A question about the server as a whole (RFC 9110 §9.3.7), or about what is here.
            return Response(
                status: .noContent,
                headers: [.allow: self.allowed(request.uri.path).joined(separator: ", ")]
            )
        }
        return self.response(to: refusal, request)
    }

    /// - Returns: `nil` when only OPTIONS is to be answered.
    private func refusal(_ request: Request) -> Refusal? {
        let path = request.uri.path
        let isOptions = request.method == .options
        if isOptions, request.head.path == "*" { return nil }
        if !self.table.methods(of: path[...]).isEmpty {
            return isOptions ? nil : .wrongMethod(allowed: self.allowed(path))
        }
        guard self.speaksWebSocket(path) else { return self.nothingHere }
        switch request.method {
        case .get, .head: return .upgradeRequired
        case .options: return nil
        default: return .wrongMethod(allowed: self.allowed(path))
        }
    }

    /// OPTIONS among them; where GET is, HEAD is (RFC 9110 §9.1).
    private func allowed(_ path: String) -> [String] {
        let known = self.table.methods(of: path[...])
        let methods = Set(known.isEmpty ? ["GET"] : known).union(["OPTIONS"])
        return Self.order.filter { methods.contains($0) || $0 == "HEAD" && methods.contains("GET") }
    }

    private static let order = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    private func response(to refusal: Refusal, _ request: Request) -> Response {
        let path = request.uri.path
        // A handshake is missed in the same words everywhere.
        let shape = refusal.status == 426 ? nil : self.shapes.first { $0.applies(path) }
        return (shape ?? .text).response(to: refusal, at: path)
    }
}
