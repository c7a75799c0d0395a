package import NIOCore
internal import NIOHTTP1

extension Channel {
    /// Closes behind what is still to be written; at once when the peer has taken nothing of it for a while.
    ///
    /// On the event loop of the channel.
    /// - Parameter mode: `.output` leaves it to the peer to close the rest: one that still sends would lose our last words by a
    ///   reset.
    package func closeBehindWrites(_ mode: CloseMode = .all) {
        // As long as HTTP is spoken there, bytes are none of its messages; none has been written either.
        if self.speaksHTTP { return self.close(promise: nil) }
        self.writeAndFlush(ByteBuffer()).assumeIsolated().whenComplete { _ in self.close(mode: mode, promise: nil) }
        self.closeUnlessTaken(of: self.bufferedBytes)
    }

    /// A decoder of responses sees requests pass, too, and nothing else may.
    private var speaksHTTP: Bool {
        let decoder = ByteToMessageHandler<HTTPResponseDecoder>.self
        return (try? self.pipeline.syncOperations.context(handlerType: decoder)) != nil
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
