internal import Foundation
package import ParleyModel

extension WallTime {
    /// The system's clock.
    @Sendable package static func now() -> WallTime {
        WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }
}
