internal import Foundation
internal import GRDB
internal import NIOCore
package import ParleyHub
package import ParleyModel

/// Histories of topics in a SQLite file: what was appended outlives the process, however that ends.
///
/// Each call is one transaction. With SQLite's write-ahead log a commit is in the hands of the system when it returns: the end of the
/// process takes nothing back, the end of the machine may take the latest of it (sqlite.org, *PRAGMA synchronous*, NORMAL).
package struct SQLiteHistoryStore: HistoryStore {
    private let database: SQLiteDatabase
    private let lock: DirectoryLock
    package let boot: UInt64

    /// Opens `parley.sqlite` in a directory, making both if they are not there: for their owner alone. Each time is another boot.
    ///
    /// Blocks while it does.
    /// - Parameter directory: As the setting PARLEY_DATA_DIR has it.
    /// - Throws: ``StoreError`` with `exists` when another process has the histories of this directory, `damaged` when the file is no
    ///   database, `unavailable` when it cannot be opened or written.
    package init(path directory: String) throws {
        self.database = try SQLiteDatabase(directory: directory)
        self.lock = try DirectoryLock(directory: directory, for: .histories)
        do {
            let boot = try self.database.pool.write { database in
                try database.execute(
                    sql: """
                        INSERT INTO history_boots (row, count) VALUES (1, 1)
                        ON CONFLICT (row) DO UPDATE SET count = count + 1
                        """
                )
                return try Int64.fetchOne(database, sql: "SELECT count FROM history_boots") ?? 1
            }
            self.boot = UInt64(bitPattern: boot)
        } catch {
            throw SQLiteDatabase.failure(
                error,
                "The database \(self.database.path) cannot be written (--data-dir, PARLEY_DATA_DIR)"
            )
        }
    }

    /// Ends all use of the file. Without it that happens when the last copy of the store goes.
    package func close() throws {
        try self.database.pool.close()
        self.lock.release()
    }

    package func append(_ publications: [StoredPublication], keeping limits: [TopicKey: Int]) async throws {
        guard !publications.isEmpty || !limits.isEmpty else { return }
        try await self.database.write { database in
            var ids: [TopicKey: Int64] = [:]
            for entry in publications {
                let id = try ids[entry.topic] ?? Self.makeID(of: entry.topic, in: database)
                ids[entry.topic] = id
                try Self.insert(entry, topic: id, in: database)
            }
            for (topic, limit) in limits {
                guard let id = try ids[topic] ?? Self.id(of: topic, in: database) else { continue }
                try Self.trim(id, to: limit, in: database)
            }
        }
    }

    package func publications(in topic: TopicKey) async throws -> [StoredPublication] {
        try await self.database.read { database in
            guard let id = try Self.id(of: topic, in: database) else { return [] }
            return try Row.fetchAll(
                database,
                sql: "SELECT * FROM history_publications WHERE topic = ? ORDER BY id",
                arguments: [id]
            ).map { try StoredPublication(topic: topic, row: $0) }
        }
    }

    package func topics() async throws -> [TopicKey] {
        try await self.database.read { database in
            try Row.fetchAll(database, sql: "SELECT space, name FROM history_topics").map { row in
                TopicKey(
                    space: SpaceID(rawValue: UInt16(truncatingIfNeeded: row["space"] as Int64)),
                    name: TopicName(String(decoding: row["name"] as Data, as: UTF8.self))
                )
            }
        }
    }

    package func remove(_ topics: [TopicKey]) async throws {
        guard !topics.isEmpty else { return }
        try await self.database.write { database in
            for topic in topics {
                guard let id = try Self.id(of: topic, in: database) else { continue }
                try Self.trim(id, to: 0, in: database)
            }
        }
    }

    // MARK: Statements

    private static func id(of topic: TopicKey, in database: Database) throws -> Int64? {
        try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT id FROM history_topics WHERE space = ? AND name = ?"),
            arguments: [Int64(topic.space.rawValue), Self.bytes(of: topic.name.value)]
        )
    }

    private static func makeID(of topic: TopicKey, in database: Database) throws -> Int64 {
        if let id = try Self.id(of: topic, in: database) { return id }
        try database.execute(
            sql: "INSERT INTO history_topics (space, name) VALUES (?, ?)",
            arguments: [Int64(topic.space.rawValue), Self.bytes(of: topic.name.value)]
        )
        return database.lastInsertedRowID
    }

    private static func insert(_ entry: StoredPublication, topic: Int64, in database: Database) throws {
        let publication = entry.publication
        let payload = StoredPayload(publication.payload)
        try database.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO history_publications
                    (topic, epoch, place, time, sender_id, sender_name, kind, event, content)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            topic, Int64(bitPattern: entry.epoch), Int64(bitPattern: publication.offset),
            publication.time.milliseconds, Self.bytes(of: publication.sender.id),
            Self.bytes(of: publication.sender.name), payload.kind.rawValue, payload.event, payload.content,
        ])
    }

    private static func trim(_ topic: Int64, to limit: Int, in database: Database) throws {
        guard limit > 0 else {
            try database.execute(sql: "DELETE FROM history_publications WHERE topic = ?", arguments: [topic])
            return try database.execute(sql: "DELETE FROM history_topics WHERE id = ?", arguments: [topic])
        }
        try database.cachedStatement(
            sql: """
                DELETE FROM history_publications WHERE topic = ?1 AND id <=
                    (SELECT id FROM history_publications WHERE topic = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
                """
        ).execute(arguments: [topic, limit])
    }

    /// As a BLOB: text would end at a NUL.
    private static func bytes(of text: String) -> Data { Data(text.utf8) }
}

/// A payload in columns.
private struct StoredPayload {
    enum Kind: Int64 {
        case text, json, binary, event
    }

    let kind: Kind
    var event: Data?
    let content: Data

    init(_ payload: Payload) {
        switch payload {
        case .text(let bytes):
            self.kind = .text
            self.content = Data(bytes.readableBytesView)
        case .json(let bytes):
            self.kind = .json
            self.content = Data(bytes.readableBytesView)
        case .binary(let bytes):
            self.kind = .binary
            self.content = Data(bytes.readableBytesView)
        case .event(let name, let arguments):
            self.kind = .event
            self.event = Data(name.utf8)
            self.content = Data(arguments.readableBytesView)
        }
    }

    init(row: Row) throws(StoreError) {
        let number: Int64 = row["kind"]
        guard let kind = Kind(rawValue: number) else {
            throw StoreError(
                .damaged,
                "A publication in the history cannot be read: expected a kind of 0 to \(Kind.event.rawValue), got \(number)"
            )
        }
        self.kind = kind
        self.event = row["event"]
        self.content = row["content"]
    }

    var payload: Payload {
        let bytes = ByteBuffer(bytes: self.content)
        return switch self.kind {
        case .text: .text(bytes)
        case .json: .json(bytes)
        case .binary: .binary(bytes)
        case .event: .event(name: String(decoding: self.event ?? Data(), as: UTF8.self), arguments: bytes)
        }
    }
}

extension StoredPublication {
    fileprivate init(topic: TopicKey, row: Row) throws(StoreError) {
        self.init(
            topic: topic,
            epoch: UInt64(bitPattern: row["epoch"]),
            publication: Publication(
                offset: UInt64(bitPattern: row["place"]),
                time: WallTime(milliseconds: row["time"]),
                sender: Sender(
                    id: String(decoding: row["sender_id"] as Data, as: UTF8.self),
                    name: String(decoding: row["sender_name"] as Data, as: UTF8.self)
                ),
                payload: try StoredPayload(row: row).payload
            )
        )
    }
}
