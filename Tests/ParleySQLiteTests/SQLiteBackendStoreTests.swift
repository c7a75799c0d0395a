import Foundation
import GRDB
import ParleyHub
import ParleyModel
import Testing

@testable import ParleySQLite

/// Tests of `SQLiteBackendStore.swift` and `DataDirectoryLife.swift`.
@Suite struct SQLiteBackendStoreTests {
    private static func backend(_ id: String, token: Int64 = 1, ended: Bool = false) -> StoredBackend {
        var states = [StoredBackend.State(status: "scheduled", time: 1_700_000_000_000)]
        if ended {
            states.append(
                .init(status: "terminated", time: 1_700_000_000_500, reason: "swept", kind: "soft", exitCode: 143)
            )
        }
        return StoredBackend(
            id: id,
            keyScope: "acme/board",
            keyName: "key \u{1F600} '\"",
            service: "acme/board",
            node: "dr-1",
            createdAt: WallTime(milliseconds: 1_700_000_000_000),
            fencingToken: token,
            memoryLimitBytes: 1 << 40,
            states: states
        )
    }

    @Test("A life that is over is taken over, once, with everything that was saved last")
    func takeOver() async throws {
        try await withTemporaryDirectory { directory in
            let first = try SQLiteBackendStore(path: directory)
            try await first.save([Self.backend("a"), Self.backend("b")])
            try await first.save([Self.backend("a", ended: true)])
            #expect(try await first.takeOver() == [])
            await first.close()

            let second = try SQLiteBackendStore(path: directory)
            let found = try await second.takeOver()
            #expect(Set(found) == [Self.backend("a", ended: true), Self.backend("b")])
            #expect(try await second.takeOver() == [])
            try await second.delete(["a", "nobody"])
            await second.close()
            #expect(try await SQLiteBackendStore(path: directory).takeOver() == [Self.backend("b")])
        }
    }

    @Test("A directory has one server with backends at a time, until that ends in whatever way")
    func lock() async throws {
        try await withTemporaryDirectory { directory in
            do {
                let first = try SQLiteBackendStore(path: directory)
                try await first.save([Self.backend("a")])
                let failure = #expect(throws: StoreError.self) { try SQLiteBackendStore(path: directory) }
                #expect(failure?.code == .exists)
                for word in ["PARLEY_DATA_DIR", "BACKENDS=off", "process \(getpid()) on ", ", since 20", directory] {
                    #expect(failure?.message.contains(word) == true, "\(word)")
                }
                // Sessions are shared: they cannot be two.
                try SQLiteSessionStore(path: directory).close()
                #expect(try await first.takeOver() == [])
            }
            // Gone without a goodbye, as a process that was killed.
            let second = try SQLiteBackendStore(path: directory)
            #expect(try await second.takeOver() == [Self.backend("a")])
            await second.close()
            await second.close()
            await (try SQLiteBackendStore(path: directory)).close()
        }
    }

    @Test("Whatever stands in the lock file is no danger to a message", arguments: ["", "x\n\u{1B}[2J", "\u{E9}"])
    func foreignLock(note: String) async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteBackendStore(path: directory)
            try note.write(
                toFile: directory + "/\(DirectoryLock.Purpose.backends.fileName)",
                atomically: false,
                encoding: .utf8
            )
            let failure = #expect(throws: StoreError.self) { try SQLiteBackendStore(path: directory) }
            let isPrintable = failure?.message.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
            #expect(isPrintable == true)
            withExtendedLifetime(store) {}
        }
    }

    @Test("The highest fencing token outlives its backend")
    func fencing() async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteBackendStore(path: directory)
            #expect(try await store.highestFencingToken() == 0)
            try await store.save([Self.backend("a", token: 7), Self.backend("b", token: .max)])
            try await store.save([Self.backend("a", token: 8)])
            try await store.delete(["a", "b"])
            await store.close()
            #expect(try await SQLiteBackendStore(path: directory).highestFencingToken() == .max)
        }
    }

    @Test("Files of lives that are over go away; those of others stay")
    func files() async throws {
        try await withTemporaryDirectory { directory in
            func lives() throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".life") }
            }
            do {
                _ = try SQLiteBackendStore(path: directory)
                #expect(try lives().count == 1)
            }
            let store = try SQLiteBackendStore(path: directory)
            #expect(try lives().count == 1)
            await store.close()
            #expect(try lives().isEmpty)
        }
    }

    @Test("A history that nobody can read says so")
    func damaged() async throws {
        try await withTemporaryDirectory { directory in
            let database = try SQLiteDatabase(directory: directory)
            try await database.write { database in
                try database.execute(
                    sql: """
                        INSERT INTO backends (id, life, key_scope, key_name, node, created_at, fencing_token, states)
                        VALUES ('a', 'gone', '', '', '', 0, 0, 'no JSON')
                        """
                )
            }
            let store = try SQLiteBackendStore(path: directory)
            await #expect(throws: StoreError(.damaged, "")) { try await store.takeOver() }
        }
    }
}
