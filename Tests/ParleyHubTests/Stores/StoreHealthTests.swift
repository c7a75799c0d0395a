import Testing

@testable import ParleyHub

/// Tests of `StoreHealth.swift`.
@Suite struct StoreHealthTests {
    private enum Step {
        case works(StoreHealth.Operation)
        case fails(StoreHealth.Operation, any Error)
    }

    private static let full = StoreError(.full, "The disk is full")

    private static func changes(_ steps: [Step]) -> (changes: [StoreHealth.Change?], works: Bool) {
        var health = StoreHealth()
        var changes: [StoreHealth.Change?] = []
        for step in steps {
            switch step {
            case .works(let operation): changes.append(health.succeeded(operation))
            case .fails(let operation, let error): changes.append(health.failed(operation, error))
            }
        }
        return (changes, health.works)
    }

    @Test("Of many failures the first is told, and how many they were when it works again")
    func once() {
        let end = Self.changes([
            .works(.write), .fails(.write, Self.full), .fails(.write, StoreError(.unavailable, "")), .works(.write),
            .works(.write),
        ])
        #expect(end.changes == [nil, .began(.write, Self.full), nil, .ended(.write, failures: 2), nil])
        #expect(end.works)
    }

    @Test("Reading that works is no end of a trouble with writing")
    func operations() {
        let damaged = StoreError(.damaged, "")
        let end = Self.changes([
            .fails(.write, Self.full), .works(.read), .fails(.write, Self.full), .fails(.read, damaged), .works(.read),
        ])
        #expect(
            end.changes == [.began(.write, Self.full), nil, nil, .began(.read, damaged), .ended(.read, failures: 1)]
        )
        #expect(!end.works)
    }

    @Test("A token in use and a cancelled question say nothing of the store")
    func noTrouble() {
        let end = Self.changes([.fails(.write, StoreError(.exists, "")), .fails(.read, CancellationError())])
        #expect(end.changes == [nil, nil])
        #expect(end.works)
    }

    @Test("Another error than a store's own is one of a store that is not there")
    func others() {
        struct Odd: Error {}
        #expect(Self.changes([.fails(.read, Odd())]).changes == [.began(.read, StoreError(.unavailable, ""))])
    }
}
