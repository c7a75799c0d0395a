public import NIOCore
public import ParleyBackends
public import ParleyTesting

/// What every ``KeyDirectory`` must do: run each scenario against an empty directory.
public enum KeyDirectoryConformance {
    /// A directory, and the way in which its time passes.
    public struct Subject: Sendable {
        public let directory: any KeyDirectory
        fileprivate let pass: @Sendable (TimeAmount) async throws -> Void

        /// - Parameter pass: Returns when so much time has passed by the directory's own clock; a few hundred milliseconds at a time.
        public init(_ directory: any KeyDirectory, pass: @escaping @Sendable (TimeAmount) async throws -> Void) {
            self.directory = directory
            self.pass = pass
        }

        fileprivate func acquire(
            _ key: BackendKey = KeyDirectoryConformance.key("k"),
            for name: String,
            lease: TimeAmount = KeyDirectoryConformance.long
        ) async throws -> KeyGrant {
            let holder = try KeyDirectoryConformance.holder(name)
            guard case .acquired(let grant) = try await self.directory.acquire(key, for: holder, lease: lease) else {
                throw ConformanceFailure("Expected the key \(key.name) to be free for \(name)")
            }
            try expect(grant.key, key, "the key of the grant")
            try expect(grant.holder, holder, "the holder of the grant")
            return grant
        }
    }

    private static let long = TimeAmount.seconds(60)
    private static let short = TimeAmount.milliseconds(200)

    public static let scenarios: [ConformanceScenario<Subject>] = [
        .init("A key has one holder until it is released") { subject in
            let keys = subject.directory
            try expect(try await keys.holder(of: Self.key("k")), nil, "the holder of a free key")
            let first = try await subject.acquire(for: "a")
            for name in ["b", "a"] {
                let answer = try await keys.acquire(Self.key("k"), for: try Self.holder(name), lease: Self.long)
                try expect(answer, .held(first), "the answer to \(name)")
            }
            try expect(try await keys.holder(of: Self.key("k")), first, "the holder")
            try await keys.release(first)
            try expect(try await keys.holder(of: Self.key("k")), nil, "the holder of the key that was released")
            try expect(try await keys.renew(first, lease: Self.long), false, "renewing what was released")
            _ = try await subject.acquire(for: "b")
        },
        .init("Keys are told apart by the bytes of scope and name") { subject in
            let keys = [
                Self.key("caf\u{E9}"), Self.key("cafe\u{301}"), Self.key(""), Self.key("a\u{0}"), Self.key("a"),
                Self.key("A"), Self.key("a/b"), BackendKey(scope: "s/a", name: "b"),
                BackendKey(scope: "", name: "s:a"), BackendKey(scope: "s:a", name: ""),
                Self.key(String(repeating: "\u{1F600}", count: 128)), Self.key("{k}"), Self.key("' \r\n\"*"),
            ]
            var grants: [KeyGrant] = []
            for (index, key) in keys.enumerated() { grants.append(try await subject.acquire(key, for: "b\(index)")) }
            for (key, grant) in zip(keys, grants) {
                try expect(try await subject.directory.holder(of: key), grant, "the holder of \(key)")
            }
        },
        .init("A lease that is not renewed ends, and is lost for good") { subject in
            let keys = subject.directory
            let first = try await subject.acquire(for: "a", lease: Self.short)
            try await subject.pass(Self.short + .milliseconds(50))
            try expect(try await keys.holder(of: Self.key("k")), nil, "the holder afterwards")
            try expect(try await keys.renew(first, lease: Self.long), false, "renewing it")
            let second = try await subject.acquire(for: "b")
            try expect(try await keys.renew(first, lease: Self.long), false, "renewing it when another holds the key")
            try await keys.release(first)
            try expect(try await keys.holder(of: Self.key("k")), second, "the holder after a late release")
        },
        .init("A lease that is renewed goes on, under the same fencing token, and is never shortened") { subject in
            let keys = subject.directory
            let grant = try await subject.acquire(for: "a", lease: Self.short)
            try expect(try await keys.renew(grant, lease: Self.long), true, "renewing")
            try expect(try await keys.renew(grant, lease: .milliseconds(1)), true, "renewing for less")
            try await subject.pass(Self.short + .milliseconds(50))
            try expect(try await keys.holder(of: Self.key("k")), grant, "the holder")
        },
        .init("The same holder acquires a key anew, and its former grant is worth nothing then") { subject in
            let keys = subject.directory
            let first = try await subject.acquire(for: "a")
            try await keys.release(first)
            let second = try await subject.acquire(for: "a")
            try await keys.release(first)
            try expect(try await keys.renew(first, lease: Self.long), false, "renewing the former grant")
            try expect(try await keys.holder(of: Self.key("k")), second, "the holder")
        },
        .init("Fencing tokens grow with every acquisition of whichever key") { subject in
            var last: Int64 = 0
            for round in 0..<40 {
                let grant = try await subject.acquire(Self.key("k\(round % 3)"), for: "a\(round)")
                guard grant.fencingToken > last else {
                    throw ConformanceFailure("Expected more than \(last) as a fencing token, got \(grant.fencingToken)")
                }
                last = grant.fencingToken
                try await subject.directory.release(grant)
            }
        },
        .init("Fencing tokens are larger than what is known of an earlier life") { subject in
            // In the year 2255, beyond any clock.
            let known: Int64 = 9_000_000_000_000
            for token in [known, 0, known - 1, known] { try await subject.directory.advanceFencing(past: token) }
            try expect(try await subject.acquire(for: "a").fencingToken > known, true, "being larger than \(known)")
        },
        .init("Of many who ask at once, one gets the key") { subject in
            for round in 0..<10 {
                let key = Self.key("k\(round)")
                let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for index in 0..<32 {
                        let holder = try Self.holder("b\(index)")
                        group.addTask {
                            let answer = try await subject.directory.acquire(key, for: holder, lease: Self.long)
                            if case .acquired = answer { return true }
                            return false
                        }
                    }
                    return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                }
                try expect(winners, 1, "the number of those who got the key")
            }
        },
    ]

    // MARK: Support

    fileprivate static func key(_ name: String) -> BackendKey { BackendKey(scope: "s", name: name) }

    fileprivate static func holder(_ name: String) throws -> KeyHolder {
        guard let backend = BackendID(name) else { throw ConformanceFailure("Expected \(name) to name a backend") }
        return KeyHolder(backend: backend, node: "dr-\(name)")
    }
}
