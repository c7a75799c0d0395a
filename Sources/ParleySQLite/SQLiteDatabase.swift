internal import Foundation
internal import GRDB
internal import ParleyHub
internal import ParleyModel

/// The database file that this process keeps its lasting state in.
struct SQLiteDatabase: Sendable {
    static let fileName = "parley.sqlite"
    /// Seconds that a statement waits for another process to be done.
    static let busyTimeout: TimeInterval = 5

    let pool: DatabasePool
    let path: String

    /// Opens the database in `directory`, making both if they are not there, and brings its tables up to date.
    init(directory: String) throws(StoreError) {
        self.path = (directory as NSString).appendingPathComponent(Self.fileName)
        do {
            try Directory.make(directory, mode: 0o700)
            Self.createPrivateFile(self.path)
            var configuration = Configuration()
            configuration.busyMode = .timeout(Self.busyTimeout)
            // WAL: readers do not wait for the writer, and a commit is one append.
            configuration.journalMode = .wal
            configuration.label = "parley"
            self.pool = try DatabasePool(path: self.path, configuration: configuration)
            try Self.migrator.migrate(self.pool)
        } catch {
            throw Self.failure(error, "The database \(self.path) cannot be opened (--data-dir, PARLEY_DATA_DIR)")
        }
    }

    /// Makes the file before SQLite does, for its owner alone; SQLite gives the same mode to the files beside it.
    ///
    /// Only if it is new: closing a file that SQLite has open would drop its locks (sqlite.org, *How To Corrupt*, §2.2).
    private static func createPrivateFile(_ path: String) {
        let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        // What else keeps it from being made is SQLite's to say.
        if descriptor >= 0 { close(descriptor) }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("gateway sessions") { database in
            try database.execute(
                sql: """
                    CREATE TABLE gateway_sessions (
                        -- SHA-256 of the token: who reads this file can use no session.
                        token BLOB NOT NULL PRIMARY KEY,
                        user_id TEXT,
                        is_logged_in INTEGER NOT NULL,
                        -- A JSON object of strings.
                        metadata TEXT NOT NULL,
                        -- Milliseconds since 1970.
                        created_at INTEGER NOT NULL,
                        expires_at INTEGER NOT NULL,
                        last_activity_at INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE INDEX gateway_sessions_expires_at ON gateway_sessions (expires_at);
                    """
            )
        }
        migrator.registerMigration("backends") { database in
            try database.execute(
                sql: """
                    CREATE TABLE backends (
                        id TEXT NOT NULL PRIMARY KEY,
                        -- Which run of a server they belong to.
                        life TEXT NOT NULL,
                        key_scope TEXT NOT NULL,
                        key_name TEXT NOT NULL,
                        service TEXT,
                        node TEXT NOT NULL,
                        -- Milliseconds since 1970.
                        created_at INTEGER NOT NULL,
                        fencing_token INTEGER NOT NULL,
                        memory_limit_bytes INTEGER,
                        -- A JSON array.
                        states TEXT NOT NULL
                    ) WITHOUT ROWID;
                    CREATE INDEX backends_life ON backends (life);
                    CREATE TABLE backend_fencing (
                        row INTEGER NOT NULL PRIMARY KEY CHECK (row = 1),
                        fencing_token INTEGER NOT NULL
                    );
                    """
            )
        }
        migrator.registerMigration("checks") { database in
            try database.execute(
                sql: """
                    -- Written by health checks.
                    CREATE TABLE store_checks (
                        row INTEGER NOT NULL PRIMARY KEY CHECK (row = 1),
                        count INTEGER NOT NULL
                    );
                    """
            )
        }
        migrator.registerMigration("histories") { database in
            try database.execute(
                sql: """
                    CREATE TABLE history_topics (
                        id INTEGER NOT NULL PRIMARY KEY,
                        space INTEGER NOT NULL,
                        -- UTF-8: names are equal when their bytes are.
                        name BLOB NOT NULL,
                        UNIQUE (space, name)
                    );
                    CREATE TABLE history_publications (
                        -- In the order in which they were said.
                        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                        topic INTEGER NOT NULL,
                        epoch INTEGER NOT NULL,
                        place INTEGER NOT NULL,
                        -- Milliseconds since 1970.
                        time INTEGER NOT NULL,
                        sender_id BLOB NOT NULL,
                        sender_name BLOB NOT NULL,
                        -- 0 text, 1 JSON, 2 binary, 3 event, which has a name.
                        kind INTEGER NOT NULL,
                        event BLOB,
                        content BLOB NOT NULL,
                        UNIQUE (topic, epoch, place)
                    );
                    CREATE INDEX history_publications_topic ON history_publications (topic, id);
                    CREATE TABLE history_boots (
                        row INTEGER NOT NULL PRIMARY KEY CHECK (row = 1),
                        count INTEGER NOT NULL
                    );
                    """
            )
        }
        return migrator
    }
}

extension SQLiteDatabase {
    func read<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) async throws -> Value {
        try await self.reporting { try await self.pool.read(body) }
    }

    func write<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) async throws -> Value {
        try await self.reporting { try await self.pool.write(body) }
    }

    private func reporting<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw Self.failure(error, "The database \(self.path) does not answer (--data-dir, PARLEY_DATA_DIR)")
        }
    }

    /// - Parameter summary: What happened, which file, which setting.
    static func failure(_ error: any Error, _ summary: String) -> StoreError {
        guard let error = error as? DatabaseError else {
            return error as? StoreError
                ?? StoreError(.unavailable, "\(summary): \(ErrorText.of(error))", underlyingError: error)
        }
        let code: StoreError.Code
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: code = .damaged
        case .SQLITE_FULL: code = .full
        case .SQLITE_CONSTRAINT: code = .exists
        default: code = .unavailable
        }
        // The description of the error would have the statement in it, which is of no use to operators.
        let reason = "\(error.message ?? "no reason given") (SQLite error \(error.extendedResultCode.rawValue))"
        return StoreError(code, "\(summary): \(reason)", underlyingError: error)
    }
}
