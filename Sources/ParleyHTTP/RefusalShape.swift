internal import HTTPTypes
package import Hummingbird
internal import NIOCore
package import ParleyModel

/// How one of a listener's APIs says what no route of it has said: nothing here, not by this method, too large.
package struct RefusalShape: Sendable {
    private let body: @Sendable (_ path: String, Refusal) -> Response

    package init(_ body: @escaping @Sendable (_ path: String, Refusal) -> Response) {
        self.body = body
    }

    package func response(to refusal: Refusal, at path: String) -> Response {
        var response = self.body(path, refusal)
        for header in refusal.headers {
            if let name = HTTPField.Name(header.name) { response.headers[name] = header.value }
        }
        return response
    }

    /// A sentence.
    package static let text = RefusalShape { _, refusal in Response(refusal) }
}
