internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import ParleyModel
internal import ParleySocketIO

/// Which ``CORSPolicy`` a listener has for a path.
struct CrossOriginRules: Sendable {
    struct Rule: Sendable {
        /// `nil`: no headers at all.
        var policy: CORSPolicy?
        /// Whether OPTIONS is answered here even for a page that may not come, instead of by whoever has the path.
        var answersOptions: Bool
    }

    private let rule: @Sendable (_ path: String) -> Rule?

    init(_ rule: @escaping @Sendable (_ path: String) -> Rule?) {
        self.rule = rule
    }

    init(_ policy: CORSPolicy?) {
        self.init { _ in Rule(policy: policy, answersOptions: true) }
    }

    static let none = CrossOriginRules { _ in nil }

    /// What has to be on whatever a request is answered with, refusals of the front door included.
    func fields(for head: HTTPRequestHead) -> [(name: String, value: String)] {
        let path = head.uri.utf8.prefix { $0 != UInt8(ascii: "?") }
        return self.rule(String(decoding: path, as: UTF8.self))?.policy?.headers(
            for: head.headers.first(name: "Origin")
        )
            ?? []
    }

    /// The answer to a preflight request; `nil` when the request is for somebody else.
    fileprivate func preflight(_ request: Request) -> Response? {
        guard request.method == .options, request.head.path != "*", let rule = self.rule(request.uri.path) else {
            return nil
        }
        var response = Response(status: .noContent)
        self.complete(&response, for: request)
        guard response.headers[.accessControlAllowOrigin] != nil, let policy = rule.policy else {
            return rule.answersOptions ? response : nil
        }
        let requested = request.headers[.accessControlRequestHeaders]
        for field in policy.preflightHeaders(requested: requested) { response.headers.complete(with: field) }
        return response
    }

    fileprivate func complete(_ response: inout Response, for request: Request) {
        let policy = self.rule(request.uri.path)?.policy
        for field in policy?.headers(for: request.headers[.origin]) ?? [] { response.headers.complete(with: field) }
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
struct CrossOriginAPI: HTTPAnswering {
    let api: any HTTPAnswering
    let rules: CrossOriginRules

    func answers(_ method: HTTPMethod, at path: Substring) -> Bool { self.api.answers(method, at: path) }

    func maximumBodyBytes(for method: HTTPMethod, at path: Substring) -> Int? {
        self.api.maximumBodyBytes(for: method, at: path)
    }

    func respond(
        to request: Request,
        from client: SocketAddress?,
        on channel: any Channel,
        refusing refusal: Refusal?
    ) async -> Response {
        if refusal == nil, let response = self.rules.preflight(request) { return response }
        var response = await self.api.respond(to: request, from: client, on: channel, refusing: refusal)
        self.rules.complete(&response, for: request)
        return response
    }
}

extension HTTPField.Name {
    fileprivate static let accessControlRequestHeaders = HTTPField.Name("Access-Control-Request-Headers")!
}
