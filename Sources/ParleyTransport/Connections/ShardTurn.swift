internal import NIOCore
internal import ParleyHub

/// A share of a turn of the shard's loop, as it is given to a connection that has something to read.
struct ShardTurn: LoopTurn {
    private let shard: Shard
    private var share: TurnShare

    init(_ shard: Shard, at now: NIODeadline) {
        self.shard = shard
        self.share = shard.beginShare(now: now)
    }

    mutating func spend(_ bytes: Int) -> Bool { self.shard.spend(bytes, of: &self.share) }
}
