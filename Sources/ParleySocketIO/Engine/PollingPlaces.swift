internal import NIOCore
internal import Synchronization

/// The places of sessions that poll: they need no socket, so that nothing else would bound them.
///
/// Bounded for the process and for each address. When room is short, those go first that have never polled, the oldest first.
package final class PollingPlaces: Sendable {
    /// Why there is no place.
    package enum Shortage: Error, Equatable {
        case process, address
    }

    /// The place of one session. Given back when it is let go of.
    package final class Place: Sendable {
        private let places: PollingPlaces
        private let entry: Entry

        fileprivate init(_ entry: Entry, in places: PollingPlaces) {
            self.entry = entry
            self.places = places
        }

        deinit { self.places.release(self.entry) }

        /// The session is there, and has not polled.
        /// - Parameter evict: Called when its place is needed, from any thread: it has lost it.
        package func awaitsPoll(orElse evict: @escaping @Sendable () -> Void) {
            self.places.state.withLock { $0.wait(self.entry, evict) }
        }

        /// It has polled, and stays.
        package func polled() {
            self.places.state.withLock { _ in self.entry.evict = nil }
        }
    }

    /// Unchecked: guarded by the lock of the places.
    fileprivate final class Entry: @unchecked Sendable {
        let address: String?
        var isHeld = true
        /// Set while it may have to go.
        var evict: (@Sendable () -> Void)?

        init(address: String?) {
            self.address = address
        }
    }

    fileprivate struct Queue {
        var count = 0
        /// Those that have not polled, and others that did meanwhile.
        var waiting: CircularBuffer<Entry> = []

        mutating func wait(_ entry: Entry) {
            self.forgetOthers()
            self.waiting.append(entry)
        }

        /// The one that has waited longest.
        mutating func takeFirst() -> Entry? {
            self.forgetOthers()
            return self.waiting.popFirst()
        }

        private mutating func forgetOthers() {
            while let first = self.waiting.first, first.evict == nil { self.waiting.removeFirst() }
        }
    }

    fileprivate struct State {
        var all = Queue()
        var byAddress: [String: Queue] = [:]

        mutating func wait(_ entry: Entry, _ evict: @escaping @Sendable () -> Void) {
            guard entry.isHeld else { return }
            entry.evict = evict
            self.all.wait(entry)
            if let address = entry.address { self.byAddress[address]?.wait(entry) }
        }

        mutating func take(_ entry: Entry) {
            self.all.count += 1
            if let address = entry.address { self.byAddress[address, default: Queue()].count += 1 }
        }

        mutating func give(_ entry: Entry) {
            guard entry.isHeld else { return }
            entry.isHeld = false
            entry.evict = nil
            self.all.count -= 1
            guard let address = entry.address, var queue = self.byAddress.removeValue(forKey: address) else { return }
            queue.count -= 1
            if queue.count > 0 { self.byAddress[address] = queue }
        }

        /// Takes the place of the oldest session that has not polled.
        /// - Parameter address: `nil`: wherever it is from.
        /// - Returns: What tells it so; `nil`: there is none.
        mutating func evict(from address: String?) -> (@Sendable () -> Void)? {
            let oldest = address.map { self.byAddress[$0]?.takeFirst() } ?? self.all.takeFirst()
            guard let oldest, let evict = oldest.evict else { return nil }
            self.give(oldest)
            return evict
        }
    }

    package let maximum: Int
    package let maximumPerAddress: Int
    private let state = Mutex(State())
    private let released: @Sendable (_ remaining: Int) -> Void

    /// - Parameters:
    ///   - maximum: Sessions at a time; 0: any number.
    ///   - maximumPerAddress: The same for one address.
    ///   - released: Called when a place was given back.
    package init(
        maximum: Int,
        maximumPerAddress: Int,
        released: @escaping @Sendable (_ remaining: Int) -> Void = { _ in }
    ) {
        self.maximum = maximum
        self.maximumPerAddress = maximumPerAddress
        self.released = released
    }

    package var count: Int { self.state.withLock { $0.all.count } }

    package func take(address: String?) -> Result<Place, Shortage> {
        let entry = Entry(address: address)
        var evictions: [@Sendable () -> Void] = []
        let shortage = self.state.withLock { state -> Shortage? in
            if self.maximumPerAddress > 0, let address, state.byAddress[address]?.count ?? 0 >= self.maximumPerAddress {
                guard let eviction = state.evict(from: address) else { return .address }
                evictions.append(eviction)
            }
            if self.maximum > 0, state.all.count >= self.maximum {
                guard let eviction = state.evict(from: nil) else { return .process }
                evictions.append(eviction)
            }
            state.take(entry)
            return nil
        }
        for eviction in evictions { eviction() }
        if let shortage { return .failure(shortage) }
        return .success(Place(entry, in: self))
    }

    private func release(_ entry: Entry) {
        let remaining = self.state.withLock { state -> Int in
            state.give(entry)
            return state.all.count
        }
        self.released(remaining)
    }
}
