import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite struct RedisHandshakeTests {
    /// A plan, what the server answers, and what is said and decided in turn.
    struct Conversation: Sendable, CustomTestStringConvertible {
        let name: String
        var plan = RedisHandshake.Plan()
        let answers: [RESPValue]
        let course: [String]

        init(
            _ name: String,
            _ answers: [RESPValue],
            _ course: [String],
            plan: (inout RedisHandshake.Plan) -> Void = { _ in }
        ) {
            self.name = name
            self.answers = answers
            self.course = course
            plan(&self.plan)
        }

        var testDescription: String { self.name }
    }

    private static func withPassword(_ plan: inout RedisHandshake.Plan) {
        plan.credentials = RedisCredentials(password: "pw")
    }

    private static func withUser(_ plan: inout RedisHandshake.Plan) {
        plan.credentials = RedisCredentials(user: "ann", password: "pw")
    }

    static let conversations: [Conversation] = [
        .init("one command", [.hello()], ["HELLO 3", "done 3 standalone primary"]),
        .init(
            "all at once",
            [.hello(), .ok],
            ["HELLO 3 AUTH ann pw SETNAME parley", "SELECT 5", "done 3 standalone primary"]
        ) {
            withUser(&$0)
            $0.clientName = "parley"
            $0.database = 5
        },
        .init(
            "a password alone",
            [.hello()],
            ["HELLO 3 AUTH default pw", "done 3 standalone primary"],
            plan: withPassword
        ),
        .init("version 2", [.hello(version: 2)], ["HELLO 2", "done 2 standalone primary"]) {
            $0.protocolVersion = .two
        },
        .init(
            "a server that does not know HELLO",
            [.error("ERR unknown command 'HELLO'"), .ok, .ok],
            ["HELLO 3 SETNAME p", "CLIENT SETNAME p", "SELECT 1", "done 2 ? ?"]
        ) {
            $0.clientName = "p"
            $0.database = 1
        },
        .init(
            "a server that does not know HELLO, with a user",
            [.error("ERR unknown command 'HELLO'"), .ok, .error("ERR unknown command 'CLIENT'")],
            ["HELLO 3 AUTH ann pw", "AUTH ann pw", "CLIENT SETNAME ", "done 2 ? ?"],
            plan: withUser
        ),
        .init(
            "a server that does not know the version",
            [.error("NOPROTO unsupported protocol version"), .ok, .ok],
            ["HELLO 3 AUTH default pw", "AUTH pw", "CLIENT SETNAME ", "done 2 ? ?"],
            plan: withPassword
        ),
        .init(
            "no password where one is needed",
            [.error("NOAUTH HELLO must be …")],
            ["HELLO 3", "fail notAuthenticated"]
        ),
        .init(
            "a wrong password",
            [.error("WRONGPASS invalid username-password pair")],
            ["HELLO 3 AUTH default pw", "fail notAuthenticated"],
            plan: withPassword
        ),
        .init(
            "a wrong password of old",
            [.error("ERR unknown command"), .error("ERR invalid password")],
            ["HELLO 3 AUTH default pw", "AUTH pw", "fail notAuthenticated"],
            plan: withPassword
        ),
        .init(
            "no password where one was needed of old",
            [.error("ERR unknown command"), .error("NOAUTH Authentication required.")],
            ["HELLO 3", "CLIENT SETNAME ", "fail notAuthenticated"]
        ),
        .init(
            "asked for a password",
            [.error("NOAUTH …"), .hello()],
            ["HELLO 3", "HELLO 3 AUTH default pw", "done 3 standalone primary"]
        ) {
            withPassword(&$0)
            $0.authenticatesOnlyWhenAsked = true
        },
        .init("not asked for one", [.hello(mode: "sentinel")], ["HELLO 3", "done 3 sentinel primary"]) {
            withPassword(&$0)
            $0.authenticatesOnlyWhenAsked = true
        },
        .init(
            "asked twice",
            [.error("NOAUTH …"), .error("WRONGPASS …")],
            ["HELLO 3", "HELLO 3 AUTH default pw", "fail notAuthenticated"]
        ) {
            withPassword(&$0)
            $0.authenticatesOnlyWhenAsked = true
        },
        .init("a replica", [.hello(role: "replica")], ["HELLO 3", "fail notPrimary"]) { $0.needsPrimary = true },
        .init("a replica that will do", [.hello(role: "replica")], ["HELLO 3", "done 3 standalone replica"]),
        .init(
            "a replica of a cluster",
            [.hello(mode: "cluster", role: "replica")],
            ["HELLO 3", "done 3 cluster replica"]
        ) {
            $0.needsPrimary = true
        },
        .init("too many clients", [.error("ERR max number of clients reached")], ["HELLO 3", "fail refused"]),
        .init(
            "no such database",
            [.hello(), .error("ERR DB index is out of range")],
            ["HELLO 3", "SELECT 99", "fail refused"]
        ) {
            $0.database = 99
        },
        .init("no greeting", [.ok], ["HELLO 3", "fail protocolViolation"]),
    ]

    @Test("A conversation begins as the server can", arguments: Self.conversations)
    func conversation(_ conversation: Conversation) {
        var handshake = RedisHandshake(conversation.plan)
        var course = [words(handshake.greeting)]
        for answer in conversation.answers {
            switch handshake.received(answer) {
            case .write(let bytes): course.append(words(bytes))
            case .done(let identity):
                let mode = identity.mode.map { "\($0)" } ?? "?"
                course.append(
                    "done \(identity.protocolVersion.rawValue) \(mode) \(identity.role.map { "\($0)" } ?? "?")"
                )
            case .fail(let error):
                course.append("fail \(error.code)")
                #expect(!error.description.contains("pw"))
            }
        }
        #expect(course == conversation.course)
    }

    @Test("A refused password says which setting has it, and not what it is")
    func hint() {
        var plan = RedisHandshake.Plan()
        plan.credentials = RedisCredentials(user: "ann", password: "s3cret")
        var handshake = RedisHandshake(plan)
        _ = handshake.greeting
        guard case .fail(let error) = handshake.received(.error("WRONGPASS s\u{1B}[31m\r\n")) else {
            Issue.record("expected a failure")
            return
        }
        #expect(error.description.contains("REDIS_SECRET"))
        #expect(!error.description.contains("s3cret"))
        #expect(error.description.utf8.allSatisfy { 0x20 <= $0 && $0 < 0x7F })
    }
}
