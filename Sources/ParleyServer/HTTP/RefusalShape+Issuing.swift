internal import Hummingbird
internal import ParleyHTTP
internal import ParleyModel

extension RefusalShape {
    /// `{"error":…}`, as the issuing API has it.
    static let issuing = RefusalShape { _, refusal in
        .json(.init(code: refusal.status), JSONObjectWriter.object { $0.write("error", refusal.text) })
    }
}
