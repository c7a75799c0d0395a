internal import HTTPTypes
package import Hummingbird
package import NIOCore
package import ParleyModel

/// Which pages of other origins may read what a part of a listener says.
package struct CrossOriginRule: Sendable {
    /// `nil`: no headers at all.
    package let policy: CORSPolicy?
    /// Whether OPTIONS is answered here even for a page that may not come, instead of by whoever has the path.
    package let answersOptions: Bool

    package init(_ policy: CORSPolicy?, answersOptions: Bool = true) {
        self.policy = policy
        self.answersOptions = answersOptions
    }

    /// The answer to a preflight request; `nil` when the request is for somebody else.
    fileprivate func preflight(_ request: Request) -> Response? {
        guard request.method == .options, request.head.path != "*" else { return nil }
        var response = Response(status: .noContent)
        self.complete(&response, for: request)
        guard response.headers[.accessControlAllowOrigin] != nil, let policy = self.policy else {
            return self.answersOptions ? response : nil
        }
        let requested = request.headers[.accessControlRequestHeaders]
        for field in policy.preflightHeaders(requested: requested) { response.headers.complete(with: field) }
        return response
    }

    fileprivate func complete(_ response: inout Response, for request: Request) {
        for field in self.policy?.headers(for: request.headers[.origin]) ?? [] {
            response.headers.complete(with: field)
        }
    }
}

extension HTTPFields {
    /// What an answer varies by adds up; of everything else there is one.
    fileprivate mutating func complete(with field: (name: String, value: String)) {
        guard let name = HTTPField.Name(field.name) else { return }
        if name == .vary, self[values: .vary].contains(where: { $0.lowercased().contains(field.value.lowercased()) }) {
            return
        }
        if name == .vary {
            self.append(HTTPField(name: name, value: field.value))
        } else {
            self[name] = field.value
        }
    }
}

/// An HTTP API whose every answer, errors and all, has the headers that let pages of other origins read it.
package struct CrossOriginAPI: HTTPAnswering {
    package let api: any HTTPAnswering
    package let routes: ListenerRoutes

    package init(
        api: any HTTPAnswering,
        routes: ListenerRoutes
    ) {
        self.api = api
        self.routes = routes
    }

    package func respond(
        to request: Request,
        from client: SocketAddress?,
        on channel: any Channel,
        refusing refusal: Refusal?
    ) async -> Response {
        let rule = self.routes.place(at: request.uri.path[...]).part.crossOrigin
        if refusal == nil, let response = rule?.preflight(request) { return response }
        var response = await self.api.respond(to: request, from: client, on: channel, refusing: refusal)
        rule?.complete(&response, for: request)
        return response
    }
}

extension HTTPField.Name {
    fileprivate static let accessControlRequestHeaders = HTTPField.Name("Access-Control-Request-Headers")!
}
