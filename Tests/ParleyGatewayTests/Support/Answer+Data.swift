import NIOCore
import ParleyHTTPTesting

@testable import ParleyGateway

extension Answer {
    /// A member of the object in the member `data`.
    func data(_ name: String) -> String? {
        JSONFields(ByteBuffer(string: self.body))?.json("data").flatMap { JSONFields($0) }?.string(name)
    }
}
