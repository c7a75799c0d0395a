internal import NIOCore

extension Channel {
    /// Closes behind what is still to be written; at once when the peer has taken nothing of it for a while.
    ///
    /// On the event loop of the channel.
    /// - Parameter mode: `.output` leaves it to the peer to close the rest: one that still sends would lose our last words by a
    ///   reset.
    func closeBehindWrites(_ mode: CloseMode = .all) {
        self.writeAndFlush(ByteBuffer()).assumeIsolated().whenComplete { _ in self.close(mode: mode, promise: nil) }
        self.closeUnlessTaken(of: self.bufferedBytes)
    }

    private var bufferedBytes: Int {
        (try? self.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    private func closeUnlessTaken(of before: Int) {
        guard self.isActive else { return }
        self.eventLoop.assumeIsolated().scheduleTask(in: .seconds(5)) {
            let left = self.bufferedBytes
            if left < before { self.closeUnlessTaken(of: left) } else { self.close(promise: nil) }
        }
    }
}
