import Foundation
import GRDB
import ParleyHub
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleySQLite

/// Tests of `SQLiteSessionStore.swift` and `SQLiteDatabase.swift`.
@Suite struct SQLiteSessionStoreTests {
    static let start = WallTime(milliseconds: 1_700_000_000_123)
    static let session = GatewaySession(
        token: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        metadata: ["userAgent": "test"],
        createdAt: start,
        expiresAt: WallTime(milliseconds: start.milliseconds + 1_000_000)
    )

    static func after(_ milliseconds: Int64) -> WallTime {
        WallTime(milliseconds: Self.start.milliseconds + milliseconds)
    }

    @Test("Keeps sessions as every store does", arguments: SessionStoreConformance.scenarios)
    func conforms(scenario: SessionStoreConformance.Scenario) async throws {
        try await withTemporaryDirectory { try await scenario.run(SQLiteSessionStore(path: $0)) }
    }

    @Test("Sessions survive reopening, in a directory that the first opening made")
    func survives() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/data/parley"
            var store = try SQLiteSessionStore(path: path)
            try await store.create(Self.session)
            #expect(try await store.link(Self.session.token, userID: "alice", now: Self.start))
            try store.close()

            store = try SQLiteSessionStore(path: path)
            let found = try await store.find(Self.session.token, now: Self.start)
            #expect(found?.userID == "alice")
            #expect(found?.metadata == Self.session.metadata)
            #expect(found?.expiresAt == Self.session.expiresAt)
        }
    }

    @Test("Two stores of one file see what the other writes, and wait for each other")
    func shared() async throws {
        try await withTemporaryDirectory { directory in
            let stores = [try SQLiteSessionStore(path: directory), try SQLiteSessionStore(path: directory)]
            try await withThrowingTaskGroup { group in
                for index in 0..<200 {
                    group.addTask {
                        let session = GatewaySession(
                            token: "token-\(index)",
                            createdAt: Self.start,
                            expiresAt: Self.session.expiresAt
                        )
                        try await stores[index % 2].create(session)
                        #expect(try await stores[(index + 1) % 2].find(session.token, now: Self.start) == session)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await stores[0].purge(now: Self.session.expiresAt) == 200)
            #expect(try await stores[1].purge(now: Self.session.expiresAt) == 0)
        }
    }

    @Test("The file has no token in it and belongs to its owner alone, as do the files beside it")
    func secrecy() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/data"
            let store = try SQLiteSessionStore(path: path)
            try await store.create(Self.session)
            let files = try FileManager.default.contentsOfDirectory(atPath: path)
            #expect(files.contains("parley.sqlite"))
            for file in files {
                let content = try Data(contentsOf: URL(fileURLWithPath: path + "/" + file))
                #expect(content.range(of: Data(Self.session.token.utf8)) == nil, "\(file)")
                #expect(try Self.permissions(of: path + "/" + file) == 0o600, "\(file)")
            }
            #expect(try Self.permissions(of: path) == 0o700)
            try store.close()
        }
    }

    @Test("A file that is no database is named, with the setting that leads to it, and left alone")
    func noDatabase() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/parley.sqlite"
            let content = Data(String(repeating: "This is no database. ", count: 100).utf8)
            try content.write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: StoreError.self) { try SQLiteSessionStore(path: directory) }
            #expect(error?.code == .damaged)
            for part in [path, "--data-dir", "PARLEY_DATA_DIR", "not a database"] {
                #expect(error?.message.contains(part) == true, "\(part) in \(String(describing: error))")
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == content)
        }
    }

    @Test("A database that was damaged gives an error with the path, not a crash")
    func damaged() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/parley.sqlite"
            var store = try SQLiteSessionStore(path: directory)
            for index in 0..<500 {
                try await store.create(
                    GatewaySession(
                        token: "token-\(index)",
                        metadata: ["userAgent": String(repeating: "x", count: 200)],
                        createdAt: Self.start,
                        expiresAt: Self.session.expiresAt
                    )
                )
            }
            try store.close()
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.seek(toOffset: 2 * 4096)
            let size = try file.seekToEnd()
            try file.seek(toOffset: 2 * 4096)
            try file.write(contentsOf: Data(repeating: 0xAA, count: Int(size) - 2 * 4096))
            try file.close()
            do {
                store = try SQLiteSessionStore(path: directory)
                for index in 0..<500 { _ = try await store.find("token-\(index)", now: Self.start) }
                Issue.record("Expected an error")
            } catch let error as StoreError {
                #expect(error.code == .damaged)
                #expect(error.message.contains(path))
            }
        }
    }

    @Test("A directory that cannot be made is named")
    func noDirectory() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/file"
            try Data("x".utf8).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: StoreError.self) { try SQLiteSessionStore(path: path + "/data") }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains(path + "/data") == true)
            #expect(error?.message.contains("PARLEY_DATA_DIR") == true)
        }
    }

    @Test("A closed store says that it does not answer")
    func closed() async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteSessionStore(path: directory)
            try await store.check()
            try store.close()
            await #expect(throws: StoreError(.unavailable, "")) { try await store.check() }
            await #expect(throws: StoreError(.unavailable, "")) {
                try await store.find(Self.session.token, now: Self.start)
            }
        }
    }

    @Test("A file that cannot grow keeps nobody from reading")
    func unwritable() async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteSessionStore(path: directory)
            try await store.create(Self.session)
            try store.forbidGrowth()
            await #expect(throws: StoreError(.full, "")) {
                for number in 0..<1000 {
                    try await store.create(
                        GatewaySession(
                            token: "token-\(number)",
                            metadata: ["userAgent": String(repeating: "x", count: 250)],
                            createdAt: Self.start,
                            expiresAt: Self.session.expiresAt
                        )
                    )
                }
            }
            #expect(try await store.find(Self.session.token, now: Self.after(120_000)) == Self.session)
        }
    }

    private static func permissions(of path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
}
