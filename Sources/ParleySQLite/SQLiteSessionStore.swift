internal import Crypto
internal import Foundation
internal import GRDB
internal import NIOCore
package import ParleyHub
package import ParleyModel
internal import Synchronization

/// Gateway sessions in a SQLite file: they survive a restart, and processes of one machine may share them.
///
/// The file has no tokens, but their SHA-256, which is as good for finding a session: 256 random bits cannot be guessed back.
package struct SQLiteSessionStore: SessionStore {
    /// How many sessions may be made between two looks at how many there are.
    static let evictionInterval = 1024

    private let database: SQLiteDatabase
    private let maximumSessions: Int
    private let creations = CreationCount()

    private final class CreationCount: Sendable {
        private let count = Atomic<Int>(0)

        func next() -> Int { self.count.add(1, ordering: .relaxed).newValue }
    }

    /// Opens `parley.sqlite` in a directory, making both if they are not there: for their owner alone.
    ///
    /// Blocks while it does.
    /// - Parameters:
    ///   - path: The directory, as the setting PARLEY_DATA_DIR has it.
    ///   - maximumSessions: Beyond this many, give or take ``evictionInterval``, those go that were not used for longest,
    ///     anonymous ones first.
    /// - Throws: ``StoreError`` with `damaged` when the file is no database, `unavailable` when it cannot be opened.
    package init(path directory: String, maximumSessions: Int = 10_000_000) throws {
        self.database = try SQLiteDatabase(directory: directory)
        self.maximumSessions = maximumSessions
    }

    /// Ends all use of the file. Without it that happens when the last copy of the store goes.
    package func close() throws { try self.database.pool.close() }

    package func create(_ session: GatewaySession) async throws {
        let digest = Self.digest(of: session.token)
        let metadata = SessionMetadata.encode(session.metadata)
        let evicts = self.creations.next().isMultiple(of: Self.evictionInterval)
        try await self.database.write { [maximumSessions = self.maximumSessions] database in
            if evicts { try Self.evict(from: database, maximum: maximumSessions) }
            try database.execute(
                sql: """
                    INSERT INTO gateway_sessions
                        (token, user_id, is_logged_in, metadata, created_at, expires_at, last_activity_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    digest, session.userID.map(Self.bytes), session.isLoggedIn, metadata,
                    session.createdAt.milliseconds,
                    session.expiresAt.milliseconds, session.lastActivityAt.milliseconds,
                ]
            )
        }
    }

    private static func evict(from database: Database, maximum: Int) throws {
        let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM gateway_sessions") ?? 0
        guard count > maximum else { return }
        try database.execute(
            sql: """
                DELETE FROM gateway_sessions WHERE token IN
                    (SELECT token FROM gateway_sessions ORDER BY is_logged_in, last_activity_at LIMIT ?)
                """,
            arguments: [count - maximum]
        )
    }

    package func find(_ token: String, now: WallTime) async throws -> GatewaySession? {
        let digest = Self.digest(of: token)
        return try await self.database.read { database in
            try Row.fetchOne(
                database,
                sql: "SELECT * FROM gateway_sessions WHERE token = ? AND expires_at > ?",
                arguments: [digest, now.milliseconds]
            ).map { try GatewaySession(token: token, row: $0) }
        }
    }

    package func noteActivity(_ times: [String: WallTime]) async throws {
        let entries = times.map { (Self.digest(of: $0.key), $0.value.milliseconds) }
        try await self.database.write { database in
            let statement = try database.cachedStatement(
                sql: "UPDATE gateway_sessions SET last_activity_at = max(last_activity_at, ?) WHERE token = ?"
            )
            for (digest, time) in entries { try statement.execute(arguments: [time, digest]) }
        }
    }

    package func link(_ token: String, userID: UserID, now: WallTime) async throws -> Bool {
        let digest = Self.digest(of: token)
        return try await self.database.write { database in
            try database.execute(
                sql: "UPDATE gateway_sessions SET user_id = ?, is_logged_in = 1 WHERE token = ? AND expires_at > ?",
                arguments: [Self.bytes(of: userID), digest, now.milliseconds]
            )
            return database.changesCount > 0
        }
    }

    @discardableResult package func delete(_ token: String) async throws -> Bool {
        let digest = Self.digest(of: token)
        return try await self.database.write { database in
            try database.execute(sql: "DELETE FROM gateway_sessions WHERE token = ?", arguments: [digest])
            return database.changesCount > 0
        }
    }

    @discardableResult package func purge(now: WallTime) async throws -> Int {
        try await self.database.write { database in
            try database.execute(
                sql: "DELETE FROM gateway_sessions WHERE expires_at <= ?",
                arguments: [now.milliseconds]
            )
            return database.changesCount
        }
    }

    /// Looks into the table, and writes a number: a disk that is full, or read-only, shows itself by that alone.
    package func check() async throws {
        try await self.database.write { database in
            _ = try Row.fetchOne(database, sql: "SELECT * FROM gateway_sessions LIMIT 1")
            try database.execute(
                sql: """
                    INSERT INTO store_checks (row, count) VALUES (1, 1) ON CONFLICT (row) DO UPDATE SET count = count + 1
                    """
            )
        }
    }

    /// For tests: the file stays as large as it is, as on a disk that is full.
    func forbidGrowth() throws {
        try self.database.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1") }
    }

    /// As a BLOB: text would end at a NUL.
    private static func bytes(of user: UserID) -> Data { Data(user.value.utf8) }

    private static func digest(of token: String) -> Data { Data(SHA256.hash(data: Array(token.utf8))) }
}

extension GatewaySession {
    fileprivate init(token: String, row: Row) throws {
        self.init(
            token: token,
            userID: (row["user_id"] as Data?).map { UserID(String(decoding: $0, as: UTF8.self)) },
            isLoggedIn: row["is_logged_in"],
            metadata: try SessionMetadata.decode(row["metadata"]),
            createdAt: WallTime(milliseconds: row["created_at"]),
            expiresAt: WallTime(milliseconds: row["expires_at"]),
            lastActivityAt: WallTime(milliseconds: row["last_activity_at"])
        )
    }
}

/// The metadata of a session as a JSON object of strings.
enum SessionMetadata {
    static func encode(_ metadata: [String: String]) -> String {
        var buffer = ByteBuffer(string: "{")
        for (index, entry) in metadata.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { buffer.writeString(",") }
            buffer.writeJSONString(entry.key)
            buffer.writeString(":")
            buffer.writeJSONString(entry.value)
        }
        buffer.writeString("}")
        return String(buffer: buffer)
    }

    static func decode(_ text: String) throws(StoreError) -> [String: String] {
        let buffer = ByteBuffer(string: text)
        var metadata: [String: String] = [:]
        do throws(JSONFailure) {
            try JSONScanner.scanObject(buffer) { key, value in
                metadata[key.string] = JSONString.decode(value, in: buffer)
            }
        } catch {
            throw StoreError(
                .damaged,
                "The metadata of a session cannot be read: \(error)",
                underlyingError: error
            )
        }
        return metadata
    }
}
