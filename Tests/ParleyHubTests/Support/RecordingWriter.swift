import Synchronization

@testable import ParleyHub

/// A direct writer without sockets: it keeps what is written to each handle, and takes as much as it is told.
final class RecordingWriter: DirectWriter {
    private struct State {
        var written: [Int32: String] = [:]
        var calls = 0
        /// What the next writes report, for handles that do not just take everything.
        var outcomes: [Int32: DirectWriteOutcome] = [:]
    }

    private let state = Mutex(State())

    var callCount: Int { self.state.withLock { $0.calls } }
    func written(to handle: Int32) -> String? { self.state.withLock { $0.written[handle] } }
    func set(_ outcome: DirectWriteOutcome, for handle: Int32) { self.state.withLock { $0.outcomes[handle] = outcome } }

    func write(_ bytes: UnsafeRawBufferPointer, to handle: Int32) -> DirectWriteOutcome {
        self.write([bytes], to: handle)
    }

    func write(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, to handle: Int32) -> DirectWriteOutcome {
        let bytes = chunks.flatMap { Array($0) }
        return self.state.withLock { state in
            state.calls += 1
            let outcome = state.outcomes[handle] ?? .wrote(bytes.count)
            if case .wrote(let count) = outcome {
                state.written[handle, default: ""] += String(decoding: bytes.prefix(count), as: UTF8.self)
            }
            return outcome
        }
    }
}
