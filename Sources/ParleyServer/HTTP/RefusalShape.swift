internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyModel

/// How one of a listener's APIs says what no route of it has said: nothing here, not by this method, too large.
struct RefusalShape: Sendable {
    private let body: @Sendable (_ path: String, Refusal) -> Response

    init(_ body: @escaping @Sendable (_ path: String, Refusal) -> Response) {
        self.body = body
    }

    func response(to refusal: Refusal, at path: String) -> Response {
        var response = self.body(path, refusal)
        for header in refusal.headers {
            if let name = HTTPField.Name(header.name) { response.headers[name] = header.value }
        }
        return response
    }

    /// A sentence.
    static let text = RefusalShape { _, refusal in Response(refusal) }

    /// `{"error":…}`, as the issuing API has it.
    static let issuing = RefusalShape { _, refusal in
        .json(.init(code: refusal.status), JSONObjectWriter.object { $0.write("error", refusal.text) })
    }

    /// `{"success":false,"error":…}`, as the gateway's REST API has it.
    static let gateway = RefusalShape { _, refusal in .failure(.init(code: refusal.status), refusal.text) }

    /// As the session backends' APIs have it: two faces of one failure.
    /// - Parameter note: Gives a failure its id in the log.
    static func backends(noting note: @escaping @Sendable (BackendFailure) -> String = { _ in "" }) -> RefusalShape {
        RefusalShape { path, refusal in
            let failure = BackendFailure(refusal)
            let id = note(failure)
            return PlaneAPI.claims(path) ? failure.planeResponse(id: id) : failure.response(id: id)
        }
    }
}

extension BackendFailure {
    fileprivate init(_ refusal: Refusal) {
        switch refusal.status {
        case 404: self = .notFound
        case 405: self = .wrongMethod
        case 413: self = .tooLarge
        case 500...: self = .internalError
        default: self = .invalidRequest(refusal.text)
        }
    }
}
