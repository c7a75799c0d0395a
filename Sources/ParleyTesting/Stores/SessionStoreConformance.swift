public import ParleyHub
internal import ParleyModel

/// What every ``SessionStore`` must do: run each scenario against an empty store.
///
/// ```swift
/// @Test("Keeps sessions as every store does", arguments: SessionStoreConformance.scenarios)
/// func conforms(scenario: SessionStoreConformance.Scenario) async throws {
///     try await scenario.run(MyStore())
/// }
/// ```
public enum SessionStoreConformance {
    /// One rule of the protocol.
    public struct Scenario: Sendable, CustomStringConvertible {
        /// A sentence about what the store does.
        public let description: String
        private let body: @Sendable (any SessionStore) async throws -> Void

        init(_ description: String, _ body: @escaping @Sendable (any SessionStore) async throws -> Void) {
            self.description = description
            self.body = body
        }

        /// - Parameter store: Without sessions.
        /// - Throws: ``ConformanceFailure`` for what does not hold, or what the store threw out of turn.
        public func run(_ store: any SessionStore) async throws { try await self.body(store) }
    }

    public static let scenarios: [Scenario] = [
        Scenario("A session comes back as it was created") { store in
            let session = Self.session("a", metadata: ["userAgent": "\u{1F600} \"quoted\" \\ \n\u{0}", "": ""])
            try await store.create(session)
            try await Self.expect(try await store.find(session.token, now: Self.start), session, "the session")
        },
        Scenario("An activity is noted, unless a later one is known or the session is gone") { store in
            var session = Self.session("a")
            try await store.create(session)
            for (milliseconds, known) in [(1, 1), (60_000, 60_000), (59_999, 60_000), (300_000, 300_000)]
                as [(Int64, Int64)]
            {
                try await store.noteActivity(["a": Self.after(milliseconds), "gone": Self.after(milliseconds)])
                session.lastActivityAt = Self.after(known)
                try await Self.expect(
                    try await store.find("a", now: Self.after(milliseconds)),
                    session,
                    "the session \(milliseconds) ms later"
                )
            }
            try await Self.expect(try await store.find("gone", now: Self.start), nil, "a session that there never was")
            try await store.noteActivity([:])
        },
        Scenario("Finding a session changes nothing") { store in
            try await store.create(Self.session("a"))
            for milliseconds in [0, 60_000, 600_000] as [Int64] {
                try await Self.expect(
                    try await store.find("a", now: Self.after(milliseconds)),
                    Self.session("a"),
                    "the session \(milliseconds) ms later"
                )
            }
        },
        Scenario("An unknown token has no session") { store in
            try await store.create(Self.session("a"))
            for token in ["b", "", "A", "a ", "' OR 1=1 --", String(repeating: "x", count: 100_000)] {
                try await Self.expect(try await store.find(token, now: Self.start), nil, "the session of \(token)")
                try await Self.expect(
                    try await store.link(token, userID: "u", now: Self.start),
                    false,
                    "linking \(token)"
                )
                try await Self.expect(try await store.delete(token), false, "deleting \(token)")
            }
            try await Self.expect(try await store.find("a", now: Self.start), Self.session("a"), "the other session")
        },
        Scenario("A token is used once") { store in
            try await store.create(Self.session("a"))
            do {
                try await store.create(Self.session("a", metadata: ["userAgent": "another"]))
            } catch let error as StoreError where error.code == .exists {
                return try await Self.expect(
                    try await store.find("a", now: Self.start),
                    Self.session("a"),
                    "the first session"
                )
            }
            throw ConformanceFailure("Expected the second session of a token to be refused with the code `exists`")
        },
        Scenario("A session ends at its expiry, purged or not") { store in
            try await store.create(Self.session("a"))
            try await Self.expect(
                try await store.find("a", now: Self.after(Self.lifetime - 1)) == nil,
                false,
                "an end"
            )
            for milliseconds in [Self.lifetime, Self.lifetime + 1] {
                let now = Self.after(milliseconds)
                try await Self.expect(try await store.find("a", now: now), nil, "the expired session")
                try await Self.expect(try await store.link("a", userID: "u", now: now), false, "linking it")
            }
        },
        Scenario("A user is linked, and replaced by the next") { store in
            var session = Self.session("a", metadata: ["platform": "web"])
            try await store.create(session)
            try await store.create(Self.session("b"))
            let users: [UserID] = ["user-1", "\u{1F600} '\";", "caf\u{E9}", "cafe\u{301}", "a\u{0}b", ""]
            for user in users {
                try await Self.expect(
                    try await store.link(session.token, userID: user, now: Self.after(1)),
                    true,
                    "linking"
                )
                session.userID = user
                session.isLoggedIn = true
                try await Self.expect(try await store.find("a", now: Self.after(2)), session, "the linked session")
            }
            try await Self.expect(try await store.find("b", now: Self.start), Self.session("b"), "the other session")
        },
        Scenario("A deleted session is gone, the others stay") { store in
            try await store.create(Self.session("a"))
            try await store.create(Self.session("b"))
            try await Self.expect(try await store.delete("a"), true, "deleting")
            try await Self.expect(try await store.delete("a"), false, "deleting again")
            try await Self.expect(try await store.find("a", now: Self.start), nil, "the deleted session")
            try await Self.expect(try await store.find("b", now: Self.start), Self.session("b"), "the other session")
            try await store.create(Self.session("a"))
        },
        Scenario("Purging removes what is expired, and counts it") { store in
            for index in 0..<10 {
                try await store.create(Self.session("s\(index)", lifetime: Int64(1000 * (index + 1))))
            }
            try await Self.expect(try await store.purge(now: Self.after(999)), 0, "the first purge")
            try await Self.expect(try await store.purge(now: Self.after(3000)), 3, "the second purge")
            try await Self.expect(try await store.purge(now: Self.after(3000)), 0, "the third purge")
            try await Self.expect(try await store.find("s2", now: Self.start), nil, "a purged session")
            try await Self.expect(try await store.find("s3", now: Self.start) == nil, false, "an end of the next one")
            try await Self.expect(try await store.purge(now: Self.after(1_000_000)), 7, "the last purge")
        },
        Scenario("Sessions are created, used and deleted at the same time") { store in
            try await withThrowingTaskGroup { group in
                for index in 0..<64 {
                    group.addTask {
                        let session = Self.session("s\(index)", metadata: ["userAgent": "agent \(index)"])
                        try await store.create(session)
                        try await Self.expect(
                            try await store.find(session.token, now: Self.start),
                            session,
                            "a session"
                        )
                        try await Self.expect(
                            try await store.link(session.token, userID: UserID("u\(index)"), now: Self.start),
                            true,
                            "linking"
                        )
                        if index.isMultiple(of: 2) {
                            try await Self.expect(try await store.delete(session.token), true, "deleting")
                        }
                    }
                }
                try await group.waitForAll()
            }
            for index in 0..<64 {
                let user = try await store.find("s\(index)", now: Self.start)?.userID
                try await Self.expect(user, index.isMultiple(of: 2) ? nil : "u\(index)", "the user of session \(index)")
            }
        },
        Scenario("A store that works says so") { store in try await store.check() },
    ]

    // MARK: Support

    private static let start = WallTime(milliseconds: 1_700_000_000_123)
    private static let lifetime: Int64 = 2_592_000_000

    private static func after(_ milliseconds: Int64) -> WallTime {
        WallTime(milliseconds: Self.start.milliseconds + milliseconds)
    }

    private static func session(
        _ token: String,
        metadata: [String: String] = [:],
        lifetime: Int64 = Self.lifetime
    ) -> GatewaySession {
        GatewaySession(token: token, metadata: metadata, createdAt: Self.start, expiresAt: Self.after(lifetime))
    }

    private static func expect<Value: Equatable & Sendable>(
        _ found: Value,
        _ expected: Value,
        _ what: String
    ) async throws {
        guard found != expected else { return }
        throw ConformanceFailure("Expected \(what) to be \(expected), got \(found)")
    }
}

/// What an implementation of one of the server's protocols did otherwise than the protocol says.
public struct ConformanceFailure: Error, CustomStringConvertible {
    public let description: String

    package init(_ description: String) {
        self.description = description
    }
}
