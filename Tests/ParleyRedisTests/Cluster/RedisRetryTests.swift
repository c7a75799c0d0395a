import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite struct RedisRetryTests {
    private static let node = RedisAddress("10.0.0.1", 7001)
    private static let plain = RedisCommand("GET", "a")
    private static let script = RedisCommand(RedisScript("s", "return 1"), keys: 0, count: 0) { _ in }

    private static func error(_ text: String) -> RESPErrorReply { RESPErrorReply(ByteBuffer(string: text)) }

    @Test(
        "An answer that leads on is followed, and others are not",
        arguments: [
            ("MOVED 3999 10.0.0.2:7002", .at(RedisAddress("10.0.0.2", 7002), asking: false)),
            ("MOVED 3999 :7002", .at(RedisAddress("10.0.0.1", 7002), asking: false)),
            ("MOVED 3999 ::1:7002", .at(RedisAddress("::1", 7002), asking: false)),
            ("MOVED 3999 node-2.example:7002", .at(RedisAddress("node-2.example", 7002), asking: false)),
            ("ASK 3999 10.0.0.2:7002", .at(RedisAddress("10.0.0.2", 7002), asking: true)),
            ("TRYAGAIN Multiple keys", .later(.milliseconds(20))),
            ("CLUSTERDOWN The cluster is down", .later(.milliseconds(100))),
            ("LOADING Redis is loading", .later(.milliseconds(100))),
            ("READONLY You can't write", .later(.milliseconds(100))),
            ("MOVED", .deliver), ("MOVED 3999", .deliver), ("MOVED x 10.0.0.2:7002", .deliver),
            ("MOVED 16384 h:1", .deliver),
            ("MOVED 1 h:0", .deliver), ("MOVED 1 h:65536", .deliver), ("MOVED 1 h", .deliver),
            ("MOVED -1 h:1", .deliver),
            ("READONLY You can't write script: 1f0a, on @user_script:1.", .deliver), ("ERR MOVED 1 h:1", .deliver),
            ("CROSSSLOT Keys", .deliver), ("WRONGTYPE", .deliver), ("", .deliver),
            ("NOSCRIPT No matching script", .deliver),
        ] as [(String, RedisRetry)]
    )
    func clustered(text: String, retry: RedisRetry) {
        let result = RedisRetry(
            Self.error(text),
            of: Self.plain,
            from: Self.node,
            redirections: 0,
            maximum: 3,
            isClustered: true
        )
        #expect(result == retry)
    }

    @Test(
        "A server by itself leads nowhere",
        arguments: ["MOVED 1 h:1", "ASK 1 h:1", "TRYAGAIN x", "CLUSTERDOWN x", "READONLY x", "LOADING x"]
    )
    func alone(text: String) {
        let result = RedisRetry(
            Self.error(text),
            of: Self.plain,
            from: Self.node,
            redirections: 0,
            maximum: 3,
            isClustered: false
        )
        #expect(result == .deliver)
    }

    @Test("A script that is not known is sent whole, in a cluster or not", arguments: [true, false])
    func script(isClustered: Bool) {
        func retry(_ redirections: Int) -> RedisRetry {
            RedisRetry(
                Self.error("NOSCRIPT No matching script"),
                of: Self.script,
                from: Self.node,
                redirections: redirections,
                maximum: 3,
                isClustered: isClustered
            )
        }
        #expect(retry(0) == .withSource)
        #expect(retry(3) == .giveUp)
    }

    @Test(
        "Nothing is followed for ever",
        arguments: ["MOVED 1 h:1", "ASK 1 h:1", "TRYAGAIN x", "CLUSTERDOWN x", "READONLY x"]
    )
    func bounded(text: String) {
        let result = RedisRetry(
            Self.error(text),
            of: Self.plain,
            from: Self.node,
            redirections: 3,
            maximum: 3,
            isClustered: true
        )
        #expect(result == (text.hasPrefix("MOVED") || text.hasPrefix("ASK") ? .giveUp : .deliver))
    }

    @Test(
        "An error says whether the command may have been executed",
        arguments: [
            ("MOVED 1 h:1", false), ("NOSCRIPT x", false), ("LOADING x", false), ("NOPERM x", false),
            ("READONLY x", false),
            ("ERR x", true),
            ("NOPERM no permission script: 1f0a, on @user_script:1.", true), ("OOM command not allowed", true),
            ("WRONGTYPE x", true),
        ]
    )
    func executed(text: String, mayHaveBeen: Bool) {
        #expect(RedisError(reply: Self.error(text), command: "X").mayHaveBeenExecuted == mayHaveBeen)
    }

    @Test("Words of a server are shown harmless and short")
    func shown() {
        let error = RedisError(
            reply: Self.error("ERR \u{1B}[31m\n\r\(String(repeating: "x", count: 1000))é"),
            command: "GET"
        )
        #expect(error.description.utf8.count < 300)
        #expect(error.description.utf8.dropLast(3).allSatisfy { 0x20 <= $0 && $0 < 0x7F })
    }
}
