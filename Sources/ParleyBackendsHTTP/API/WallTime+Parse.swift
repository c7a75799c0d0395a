internal import Foundation
internal import ParleyModel

extension WallTime {
    /// A time in ISO 8601, with or without fractions of a second.
    init?(iso8601 text: String) {
        let styles = [Date.ISO8601FormatStyle(includingFractionalSeconds: true), Date.ISO8601FormatStyle()]
        guard let date = styles.lazy.compactMap({ try? $0.parse(text) }).first else { return nil }
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
        guard milliseconds.magnitude < 1e17 else { return nil }
        self.init(milliseconds: Int64(milliseconds))
    }
}
