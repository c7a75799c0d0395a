internal import ParleyModel
internal import SocketIO

/// A place in a namespace's log as clients are told it: a string, whose meaning is none of their business.
extension StreamPosition {
    private static let radix = 36

    var recoveryText: String {
        "\(String(self.epoch, radix: Self.radix)).\(String(self.offset, radix: Self.radix))"
    }

    /// - Returns: `nil` when no position was ever written so.
    init?(recoveryText text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let epoch = UInt64(parts[0], radix: Self.radix),
            let offset = UInt64(parts[1], radix: Self.radix)
        else { return nil }
        self.init(epoch: epoch, offset: offset)
        guard self.recoveryText.hasSameBytes(as: text) else { return nil }
    }
}

/// What a client's CONNECT says of the events that it has.
enum RecoveryClaim: Sendable, Equatable {
    /// It never received one.
    case nothing
    case upTo(StreamPosition)

    /// - Returns: `nil` where it says something that no server has told it: there is nothing to recover.
    init?(_ offset: SocketValue?) {
        guard let offset, !offset.isNull else {
            self = .nothing
            return
        }
        guard let position = offset.string.flatMap(StreamPosition.init(recoveryText:)) else { return nil }
        self = .upTo(position)
    }
}
