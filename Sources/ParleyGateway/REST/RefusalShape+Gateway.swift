internal import Hummingbird
package import ParleyHTTP
internal import ParleyModel

extension RefusalShape {
    /// `{"success":false,"error":…}`, as the gateway's REST API has it.
    package static let gateway = RefusalShape { _, refusal in .failure(.init(code: refusal.status), refusal.text) }
}
