internal import Foundation
package import Logging
internal import ParleyModel
internal import Synchronization

/// What the listeners of a process have in common when they cannot accept: they lack the same descriptors.
package final class AcceptTrouble: Sendable {
    private struct State {
        var count = 0
        /// Listeners that cannot accept at present.
        var failing = 0
        var countAtStart = 0
    }

    private let state = Mutex(State())
    private let logger: Logger

    package init(logger: Logger) {
        self.logger = logger
    }

    /// How often a connection could not be accepted.
    package var count: Int { self.state.withLock { $0.count } }

    /// - Parameter isFirst: Whether the listener could accept before.
    func failed(_ code: CInt, isFirst: Bool) {
        let isBeginning = self.state.withLock { state in
            state.count += 1
            guard isFirst else { return false }
            state.failing += 1
            if state.failing == 1 { state.countAtStart = state.count }
            return state.failing == 1
        }
        guard isBeginning else { return }
        self.logger.error(
            "No connection can be accepted. Those that wait are tried again. Raise the limit of open files, or lower PARLEY_MAX_CONNECTIONS",
            metadata: ["reason": "\(SystemFailure(code: code).description)"]
        )
    }

    func isOver() {
        let failures = self.state.withLock { state -> Int? in
            state.failing -= 1
            return state.failing == 0 ? state.count - state.countAtStart + 1 : nil
        }
        guard let failures else { return }
        self.logger.notice("Connections are accepted again", metadata: ["failures": .stringConvertible(failures)])
    }
}
