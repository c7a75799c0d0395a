package import NIOCore

/// Whether something that has begun to arrive goes on arriving: a message, a frame, a body.
///
/// Progress is a number of bytes, or the end. A byte now and then is none, or whoever sends one would hold memory for ever.
package struct ProgressWatch: Equatable {
    package static let minimumBytes = 1024

    private let timeout: TimeAmount
    private var mark: Int?
    /// By when more must have come.
    package private(set) var deadline: NIODeadline

    package init(timeout: TimeAmount, now: NIODeadline) {
        self.timeout = timeout
        self.deadline = now + timeout
    }

    /// - Parameter bytes: What has arrived so far, counted from anywhere.
    package mutating func advanced(to bytes: Int, now: NIODeadline) {
        guard let mark = self.mark else {
            self.mark = bytes
            return
        }
        guard bytes - mark >= Self.minimumBytes else { return }
        self.mark = bytes
        self.deadline = now + self.timeout
    }
}
