import Foundation
import GRDB
import NIOCore
import ParleyHub
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleySQLite

/// Tests of `SQLiteHistoryStore.swift`.
@Suite struct SQLiteHistoryStoreTests {
    private static let topic = TopicKey(space: SpaceID(rawValue: 1), name: "r")

    private static func entry(_ offset: UInt64, epoch: UInt64 = 1) -> StoredPublication {
        StoredPublication(
            topic: Self.topic,
            epoch: epoch,
            publication: Publication(
                offset: offset,
                time: WallTime(milliseconds: 1_700_000_000_000),
                sender: Sender(id: "a", name: "a"),
                payload: .text(ByteBuffer(string: "\(offset)"))
            )
        )
    }

    @Test("Keeps histories as every store does", arguments: HistoryStoreConformance.scenarios)
    func conforms(scenario: ConformanceScenario<any HistoryStore>) async throws {
        try await withTemporaryDirectory { try await scenario.run(SQLiteHistoryStore(path: $0)) }
    }

    @Test("What was appended is there for the next start, though nobody has closed anything; and that is another boot")
    func killed() async throws {
        try await withTemporaryDirectory { directory in
            let copy = directory + "/killed"
            let store = try SQLiteHistoryStore(path: directory)
            for offset in 1...100 as ClosedRange<UInt64> {
                try await store.append([Self.entry(offset)], keeping: [Self.topic: 50])
            }
            // What a process leaves that was killed: the files as they are, while they are open.
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
            for file in ["parley.sqlite", "parley.sqlite-wal"] {
                try FileManager.default.copyItem(atPath: "\(directory)/\(file)", toPath: "\(copy)/\(file)")
            }
            let next = try SQLiteHistoryStore(path: copy)
            #expect(try await next.publications(in: Self.topic) == (51...100).map { Self.entry($0) })
            #expect(next.boot > store.boot)
            #expect(throws: StoreError(.exists, "")) { try SQLiteHistoryStore(path: copy) }
            try next.close()
            #expect(try SQLiteHistoryStore(path: copy).boot > next.boot)
            try store.close()
        }
    }

    @Test("A batch that fails in the middle has left nothing")
    func atomic() async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteHistoryStore(path: directory)
            let database = try SQLiteDatabase(directory: directory)
            try await database.write { database in
                try database.execute(
                    sql: """
                        CREATE TRIGGER fault BEFORE INSERT ON history_publications WHEN NEW.place = 3
                        BEGIN SELECT RAISE(ABORT, 'planted'); END
                        """
                )
            }
            await #expect(throws: StoreError.self) {
                try await store.append((1...5).map { Self.entry($0) }, keeping: [:])
            }
            #expect(try await store.publications(in: Self.topic) == [])
            #expect(try await store.topics() == [])
            try await store.append((4...5).map { Self.entry($0) }, keeping: [:])
            #expect(try await store.publications(in: Self.topic) == [Self.entry(4), Self.entry(5)])
        }
    }

    @Test("A publication that nobody can read says so")
    func damaged() async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteHistoryStore(path: directory)
            try await store.append([Self.entry(1)], keeping: [:])
            let database = try SQLiteDatabase(directory: directory)
            try await database.write { try $0.execute(sql: "UPDATE history_publications SET kind = 9") }
            await #expect(throws: StoreError(.damaged, "")) { try await store.publications(in: Self.topic) }
        }
    }
}
