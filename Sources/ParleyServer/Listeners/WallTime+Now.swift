internal import Foundation
internal import ParleyModel

extension WallTime {
    /// The system's clock.
    @Sendable static func now() -> WallTime {
        WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }
}
