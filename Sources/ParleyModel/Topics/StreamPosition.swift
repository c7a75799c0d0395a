/// A place in what happened in a topic: how many things had happened, in which life of its log.
///
/// Offsets of different epochs do not compare: a log that was lost begins another.
public struct StreamPosition: Hashable, Sendable, CustomStringConvertible {
    public let epoch: UInt64
    /// 0: nothing has happened yet.
    public var offset: UInt64

    public init(epoch: UInt64, offset: UInt64) {
        self.epoch = epoch
        self.offset = offset
    }

    public var description: String { "\(self.epoch):\(self.offset)" }
}
