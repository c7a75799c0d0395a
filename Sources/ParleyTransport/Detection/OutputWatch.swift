/// Whether a client takes what it has asked for. One that takes nothing for a while will not take it at all.
struct OutputWatch: Equatable {
    enum Action: Equatable {
        case none
        /// Look again after the while.
        case lookLater
        case close
    }

    /// What the client had not taken when we last looked; `nil`: nobody looks.
    private var pendingBytes: Int?

    /// Something may wait for the client.
    mutating func began(pendingBytes: Int) -> Action {
        guard self.pendingBytes == nil, pendingBytes > 0 else { return .none }
        self.pendingBytes = pendingBytes
        return .lookLater
    }

    /// The while is over.
    /// - Parameter isStuck: Whether nothing goes on before the client takes it.
    mutating func looked(pendingBytes: Int, isStuck: Bool) -> Action {
        let before = self.pendingBytes ?? 0
        self.pendingBytes = nil
        if pendingBytes > 0, pendingBytes >= before, isStuck { return .close }
        return self.began(pendingBytes: pendingBytes)
    }
}
