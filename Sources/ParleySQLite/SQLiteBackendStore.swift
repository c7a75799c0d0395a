internal import Foundation
internal import GRDB
package import ParleyHub
internal import ParleyModel

/// What is known of session backends, in a SQLite file of a directory that no other server with backends uses: each would have a
/// backend of its own for the same key.
package struct SQLiteBackendStore: BackendStore {
    private let database: SQLiteDatabase
    private let life: DataDirectoryLife
    private let lock: DirectoryLock

    /// Opens `parley.sqlite` in a directory, making both if they are not there: for their owner alone.
    ///
    /// Blocks while it does.
    /// - Parameter directory: As the setting PARLEY_DATA_DIR has it.
    /// - Throws: ``StoreError`` with `damaged` when the file is no database, `unavailable` when it cannot be
    ///   opened, `exists` when another server has its backends there.
    package init(path directory: String) throws {
        self.database = try SQLiteDatabase(directory: directory)
        self.lock = try DirectoryLock(directory: directory, for: .backends)
        self.life = try DataDirectoryLife(directory: directory)
    }

    package func takeOver() async throws -> [StoredBackend] {
        let lives = try await self.database.read { try String.fetchAll($0, sql: "SELECT DISTINCT life FROM backends") }
        let over = lives.filter { self.life.isOver($0) }
        return try await self.database.write { database in
            var backends: [StoredBackend] = []
            for life in over {
                let rows = try Row.fetchAll(
                    database,
                    sql: "SELECT * FROM backends WHERE life = ? ORDER BY created_at",
                    arguments: [life]
                )
                backends += try rows.map { try StoredBackend(row: $0) }
                try database.execute(
                    sql: "UPDATE backends SET life = ? WHERE life = ?",
                    arguments: [self.life.name, life]
                )
            }
            return backends
        }
    }

    package func highestFencingToken() async throws -> Int64 {
        try await self.database.read { database in
            try Int64.fetchOne(database, sql: "SELECT fencing_token FROM backend_fencing") ?? 0
        }
    }

    package func save(_ backends: [StoredBackend]) async throws {
        let entries = try backends.map { ($0, try Self.encode($0.states)) }
        try await self.database.write { database in
            for (backend, states) in entries {
                try database.execute(
                    sql: """
                        INSERT OR REPLACE INTO backends
                            (id, life, key_scope, key_name, service, node, created_at, fencing_token, memory_limit_bytes, states)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        backend.id, self.life.name, backend.keyScope, backend.keyName, backend.service, backend.node,
                        backend.createdAt.milliseconds, backend.fencingToken, backend.memoryLimitBytes, states,
                    ]
                )
            }
            if let highest = backends.map(\.fencingToken).max() {
                try database.execute(
                    sql: """
                        INSERT INTO backend_fencing (row, fencing_token) VALUES (1, ?)
                        ON CONFLICT (row) DO UPDATE SET fencing_token = max(fencing_token, excluded.fencing_token)
                        """,
                    arguments: [highest]
                )
            }
        }
    }

    package func delete(_ ids: [String]) async throws {
        try await self.database.write { database in
            for id in ids { try database.execute(sql: "DELETE FROM backends WHERE id = ?", arguments: [id]) }
        }
    }

    package func close() async {
        self.life.end()
        try? self.database.pool.close()
        self.lock.release()
    }

    private static func encode(_ states: [StoredBackend.State]) throws -> String {
        String(decoding: try JSONEncoder().encode(states), as: UTF8.self)
    }
}

extension StoredBackend {
    fileprivate init(row: Row) throws(StoreError) {
        let text: String = row["states"]
        let states: [State]
        do {
            states = try JSONDecoder().decode([State].self, from: Data(text.utf8))
        } catch {
            throw StoreError(.damaged, "The history of a backend cannot be read: \(error)", underlyingError: error)
        }
        self.init(
            id: row["id"],
            keyScope: row["key_scope"],
            keyName: row["key_name"],
            service: row["service"],
            node: row["node"],
            createdAt: WallTime(milliseconds: row["created_at"]),
            fencingToken: row["fencing_token"],
            memoryLimitBytes: row["memory_limit_bytes"],
            states: states
        )
    }
}
