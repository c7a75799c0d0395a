internal import Hummingbird
package import ParleyHTTP
package import ParleyModel

extension RefusalShape {
    /// As the session backends' APIs have it: two faces of one failure.
    /// - Parameter note: Gives a failure its id in the log.
    package static func backends(
        noting note: @escaping @Sendable (BackendFailure) -> String = { _ in "" }
    ) -> RefusalShape {
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
