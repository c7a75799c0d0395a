import Synchronization
import Testing

@testable import ParleySocketIO

@Suite("The places of sessions that poll")
struct PollingPlacesTests {
    /// Sessions that were told that their place is gone, by number.
    private final class Evictions: Sendable {
        private let numbers = Mutex<[Int]>([])
        var all: [Int] { self.numbers.withLock { $0 } }
        func note(_ number: Int) { self.numbers.withLock { $0.append(number) } }
    }

    private let evictions = Evictions()

    /// A session that has not polled.
    private func open(_ number: Int, from address: String?, in places: PollingPlaces) -> PollingPlaces.Place? {
        guard let place = try? places.take(address: address).get() else { return nil }
        let evictions = self.evictions
        place.awaitsPoll { evictions.note(number) }
        return place
    }

    @Test("There is an end to them, for an address and in all; 0 means none")
    func bounds() {
        let places = PollingPlaces(maximum: 3, maximumPerAddress: 2)
        var held: [PollingPlaces.Place] = []
        for (address, shortage) in [
            ("a", nil), ("a", nil), ("a", .address), ("b", nil), ("b", .process), (nil, .process),
        ] as [(String?, PollingPlaces.Shortage?)] {
            switch places.take(address: address) {
            case .success(let place): held.append(place)
            case .failure(let found): #expect(found == shortage)
            }
        }
        #expect(places.count == 3)
        held.removeAll()
        #expect(places.count == 0)
        #expect((try? places.take(address: "a").get()) != nil)

        let endless = PollingPlaces(maximum: 0, maximumPerAddress: 0)
        let many = (0..<1000).compactMap { _ in try? endless.take(address: "a").get() }
        #expect(many.count == 1000)
    }

    @Test("Those that never polled go first, the oldest of the address that asks")
    func evictionByAddress() {
        let places = PollingPlaces(maximum: 0, maximumPerAddress: 2)
        let other = self.open(0, from: "b", in: places)
        var mine = (1...2).map { self.open($0, from: "a", in: places) }
        mine.append(self.open(3, from: "a", in: places))
        #expect(self.evictions.all == [1])
        mine[1]?.polled()
        mine.append(self.open(4, from: "a", in: places))
        #expect(self.evictions.all == [1, 3])
        mine[3]?.polled()
        let fifth = self.open(5, from: "a", in: places)
        #expect(fifth == nil)
        #expect(places.count == 3)
        #expect(other != nil)
    }

    @Test("For the process the oldest goes, wherever it is from")
    func evictionFromAll() {
        let places = PollingPlaces(maximum: 2, maximumPerAddress: 0)
        var held = [self.open(1, from: "a", in: places), self.open(2, from: nil, in: places)]
        held.append(self.open(3, from: "c", in: places))
        held.append(self.open(4, from: "c", in: places))
        #expect(self.evictions.all == [1, 2])
        #expect(places.count == 2)
    }

    @Test("A place is given back once, whether it was taken away or let go of")
    func givenBackOnce() {
        let remaining = Mutex<[Int]>([])
        let places = PollingPlaces(maximum: 1, maximumPerAddress: 1) { count in remaining.withLock { $0.append(count) }
        }
        var first = self.open(1, from: "a", in: places)
        var second = self.open(2, from: "a", in: places)
        #expect(self.evictions.all == [1])
        first = nil
        #expect(places.count == 1)
        second = nil
        #expect(places.count == 0)
        #expect(remaining.withLock { $0 } == [1, 0])
        #expect(first == nil && second == nil)
    }
}
