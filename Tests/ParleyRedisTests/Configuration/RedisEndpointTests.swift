import Testing

@testable import ParleyRedis

@Suite struct RedisEndpointTests {
    @Test(
        "An endpoint is read as it is written",
        arguments: [
            ("cache", .init(.server(.init("cache", 6379)))),
            ("cache:6380", .init(.server(.init("cache", 6380)))),
            ("127.0.0.1:1", .init(.server(.init("127.0.0.1", 1)))),
            ("[::1]", .init(.server(.init("::1", 6379)))),
            ("[2001:db8::1]:6380", .init(.server(.init("2001:db8::1", 6380)))),
            ("redis://cache", .init(.server(.init("cache", 6379)))),
            ("REDIS://Cache:65535/", .init(.server(.init("cache", 65535)))),
            ("redis://cache/3", .init(.server(.init("cache", 6379)), database: 3)),
            ("cache:1/3", .init(.server(.init("cache", 1)), database: 3)),
            ("valkey://cache", .init(.server(.init("cache", 6379)))),
            ("rediss://cache", .init(.server(.init("cache", 6379)), usesTLS: true)),
            ("valkeys://[::1]:2", .init(.server(.init("::1", 2)), usesTLS: true)),
            ("redis://:pw@cache", .init(.server(.init("cache", 6379)), credentials: .init(password: "pw"))),
            (
                "redis://ann:pw@cache:1/2",
                .init(.server(.init("cache", 1)), credentials: .init(user: "ann", password: "pw"), database: 2)
            ),
            (
                "redis://a%40b:p%2Fw%3A%C3%A9%25@cache",
                .init(.server(.init("cache", 6379)), credentials: .init(user: "a@b", password: "p/w:é%"))
            ),
            (
                "redis://ann:p:w@w@cache",
                .init(.server(.init("cache", 6379)), credentials: .init(user: "ann", password: "p:w@w"))
            ),
            ("redis+cluster://a", .init(.cluster([.init("a", 6379)]))),
            ("redis+cluster://a:1,b,[::1]:3", .init(.cluster([.init("a", 1), .init("b", 6379), .init("::1", 3)]))),
            ("redis+cluster://a:1,a:1/", .init(.cluster([.init("a", 1)]))),
            (
                "rediss+cluster://:pw@a:1,b:2/0",
                .init(.cluster([.init("a", 1), .init("b", 2)]), usesTLS: true, credentials: .init(password: "pw"))
            ),
            ("redis+sentinel://s/main", .init(.sentinel([.init("s", 26379)], name: "main"))),
            (
                "redis+sentinel://:pw@s1:1, s2:2 ,s3/my%20main/4",
                .init(
                    .sentinel([.init("s1", 1), .init("s2", 2), .init("s3", 26379)], name: "my main"),
                    credentials: .init(password: "pw"),
                    database: 4
                )
            ),
            ("rediss+sentinel://s/main/0", .init(.sentinel([.init("s", 26379)], name: "main"), usesTLS: true)),
        ] as [(String, RedisEndpoint)]
    )
    func good(text: String, endpoint: RedisEndpoint) throws {
        #expect(try RedisEndpoint.list(text) == [endpoint])
    }

    @Test("Several endpoints stand behind commas; addresses of one cluster or of its sentinels, too")
    func several() throws {
        let text = "a, b:2,redis://c/1,redis+sentinel://s1,s2/x,d:4,redis+cluster://n1,n2:2,redis://e"
        let topologies = try RedisEndpoint.list(text).map(\.topology)
        #expect(
            topologies == [
                .server(.init("a", 6379)), .server(.init("b", 2)), .server(.init("c", 6379)),
                .sentinel([.init("s1", 26379), .init("s2", 26379)], name: "x"), .server(.init("d", 4)),
                .cluster([.init("n1", 6379), .init("n2", 2)]), .server(.init("e", 6379)),
            ]
        )
    }

    @Test(
        "What leads nowhere is refused, and nothing of it is in the message",
        arguments: [
            "", ",", "a,", ",a", "a,,b", " ", "http://h-secret", "redis://", "redis://:pw-secret@", "redis:///1",
            "h-secret:0", "h-secret:65536", "h-secret:", "h-secret:6379x", "::1:6379", "[::1", "h secret",
            "h-secr\u{E9}t",
            "redis://h-secret/x", "redis://h-secret/-1", "redis://h-secret/1/2", "redis://h-secret/99999999999",
            "redis://h-secret?db=1", "redis://h-secret#1", "redis://u:pw/secret@h", "redis://u:pw?secret@h",
            "redis://u:pw%2secret@h", "redis://u:%FF-secret@h", "redis+cluster://h-secret/1", "redis+cluster://a,,b",
            "redis+sentinel://s-secret", "redis+sentinel://s-secret/", "redis+sentinel://s/m%/0",
            "redis+sentinel://s/m/x",
            "redis+sentinel://s/m/1/2", "redis+sentinel://s1,s2", "redis://u:pw,secret@h", "a-secret,a-secret:6379",
            "redis://1.2.3", "redis\u{2B}tls://h-secret", "unix:///secret.sock",
        ]
    )
    func bad(text: String) {
        let mistake = #expect(throws: RedisEndpoint.Mistake.self) { try RedisEndpoint.list(text) }
        let sentence = mistake.map { "\($0)" } ?? ""
        #expect(sentence.contains("expected"))
        #expect(!sentence.contains("secret"))
    }

    @Test("A mistake names the endpoint that has it")
    func numbered() {
        let mistake = #expect(throws: RedisEndpoint.Mistake.self) { try RedisEndpoint.list("a,b:0,c") }
        #expect(mistake?.number == 2)
        let twice = #expect(throws: RedisEndpoint.Mistake.self) { try RedisEndpoint.list("a,b,redis://a:6379") }
        #expect(twice?.number == 3)
    }

    @Test(
        "An endpoint is shown as it would be written, without user and password",
        arguments: [
            ("redis://ann:pw@Cache:1/2", "redis://cache:1/2"), ("[::1]", "redis://[::1]:6379"),
            ("rediss+cluster://:pw@a,b:2", "rediss+cluster://a:6379,b:2"),
            ("redis+sentinel://ann:pw@a/main", "redis+sentinel://a:26379/main"),
        ]
    )
    func shown(text: String, shown: String) throws {
        let endpoint = try #require(try RedisEndpoint.list(text).first)
        #expect("\(endpoint)" == shown)
        var dumped = ""
        dump(endpoint, to: &dumped)
        #expect(!dumped.contains("pw"))
        #expect(!String(reflecting: endpoint.credentials).contains("pw"))
    }

    @Test("The secret is for endpoints without a password of their own, and keeps their user")
    func secret() throws {
        let text = "a,redis://ann@b,redis://ben:pw@c"
        let configuration = try RedisConfiguration(endpoints: text, secret: "s3cret")
        #expect(
            configuration.endpoints.map(\.credentials) == [
                .init(password: "s3cret"), .init(user: "ann", password: "s3cret"), .init(user: "ben", password: "pw"),
            ]
        )
        let bare = try RedisConfiguration(endpoints: text)
        #expect(bare.endpoints.map(\.credentials) == [nil, nil, .init(user: "ben", password: "pw")])
    }
}
