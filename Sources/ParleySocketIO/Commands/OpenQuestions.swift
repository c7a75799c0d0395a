internal import Synchronization

/// The questions of a server that are not answered yet. What is to be done with the answers stays here, whoever answers.
final class OpenQuestions: Sendable {
    /// What has come: all of it, or what there is when time is up.
    enum Outcome: Sendable {
        case complete(Gathering)
        case timedOut(Gathering)
    }

    private struct Entry {
        var gathering: Gathering
        let completion: @Sendable (Outcome) -> Void
    }

    private struct State {
        var next: UInt64 = 0
        var entries: [UInt64: Entry] = [:]
    }

    private let state = Mutex(State())

    /// - Returns: The number of the question.
    func open(shards: Int, _ completion: @escaping @Sendable (Outcome) -> Void) -> UInt64 {
        self.state.withLock { state in
            state.next += 1
            state.entries[state.next] = Entry(gathering: Gathering(shards: shards), completion: completion)
            return state.next
        }
    }

    /// - Returns: Whether somebody waits for answers to that question.
    @discardableResult
    func receive(_ answer: Answer) -> Bool {
        let number = answer.number
        let (isOpen, complete) = self.state.withLock { state -> (Bool, Entry?) in
            guard var entry = state.entries[number] else { return (false, nil) }
            entry.gathering.receive(answer)
            guard entry.gathering.isComplete else {
                state.entries[number] = entry
                return (true, nil)
            }
            state.entries[number] = nil
            return (true, entry)
        }
        if let complete { complete.completion(.complete(complete.gathering)) }
        return isOpen
    }

    func timeOut(_ number: UInt64) {
        guard let entry = self.state.withLock({ $0.entries.removeValue(forKey: number) }) else { return }
        entry.completion(.timedOut(entry.gathering))
    }
}
