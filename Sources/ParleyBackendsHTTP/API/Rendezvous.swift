internal import NIOCore
internal import Synchronization

/// Hands bytes from one task to another, one piece at a time: who gives waits until it is taken.
final class Rendezvous: Sendable {
    private struct State {
        var piece: ByteBuffer?
        var isFinished = false
        var giver: CheckedContinuation<Bool, Never>?
        var taker: CheckedContinuation<ByteBuffer?, Never>?
    }

    private let state = Mutex(State())

    /// - Returns: Whether it was taken; `false`: nobody takes anything any more.
    func put(_ piece: ByteBuffer) async -> Bool {
        await withCheckedContinuation { giver in
            var taker: CheckedContinuation<ByteBuffer?, Never>?
            let outcome = self.state.withLock { state -> Bool? in
                guard !state.isFinished else { return false }
                taker = state.taker.take()
                if taker != nil { return true }
                state.piece = piece
                state.giver = giver
                return nil
            }
            taker?.resume(returning: piece)
            if let outcome { giver.resume(returning: outcome) }
        }
    }

    /// Gives a piece if somebody waits for one.
    func offer(_ piece: ByteBuffer) {
        self.state.withLock { $0.taker.take() }?.resume(returning: piece)
    }

    /// Nothing more comes; what was put is taken still.
    func finish() {
        let (giver, taker) = self.state.withLock { state in
            state.isFinished = true
            return (state.giver.take(), state.taker.take())
        }
        giver?.resume(returning: false)
        taker?.resume(returning: nil)
    }

    /// - Returns: `nil` at the end, and when the task is cancelled.
    func take() async -> ByteBuffer? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { taker in
                var giver: CheckedContinuation<Bool, Never>?
                let found = self.state.withLock { state -> ByteBuffer?? in
                    if let piece = state.piece.take() {
                        giver = state.giver.take()
                        return piece
                    }
                    if state.isFinished || Task.isCancelled { return .some(nil) }
                    state.taker = taker
                    return nil
                }
                giver?.resume(returning: true)
                if let found { taker.resume(returning: found) }
            }
        } onCancel: {
            self.finish()
        }
    }
}
