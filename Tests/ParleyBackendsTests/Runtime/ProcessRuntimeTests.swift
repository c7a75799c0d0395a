import Foundation
import Logging
import NIOCore
import NIOPosix
import ParleyBackends
import Synchronization
import Testing

/// Real processes, of `/bin/sh`.
@Suite(.timeLimit(.minutes(1))) struct ProcessRuntimeTests {
    /// A runtime and what it has reported of one backend.
    private final class Fixture: Sendable {
        let runtime: ProcessRuntime
        let id: BackendID
        private let lines: AsyncStream<String>
        private let exits: AsyncStream<Int?>
        private let events: BackendRuntimeEvents

        init(_ id: String, _ configuration: ProcessRuntime.Configuration = .test) throws {
            self.runtime = ProcessRuntime(
                configuration,
                group: MultiThreadedEventLoopGroup.singleton,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            self.id = try #require(BackendID("\(id)-\(UInt32.random(in: 0 ... .max))"))
            let (lines, line) = AsyncStream.makeStream(of: String.self)
            let (exits, exit) = AsyncStream.makeStream(of: Int?.self)
            self.lines = lines
            self.exits = exits
            self.events = BackendRuntimeEvents(
                output: { for text in $0 { line.yield(text) } },
                exited: {
                    line.finish()
                    exit.yield($0)
                    exit.finish()
                }
            )
        }

        @discardableResult
        func launch(_ script: String, _ change: (inout LaunchOrder) -> Void = { _ in }) async throws -> SocketAddress {
            var order = LaunchOrder(backend: self.id, program: .command(["sh", "-c", script]))
            order.environment = ["SESSION_BACKEND_ID": self.id.text]
            change(&order)
            try await self.runtime.prepare(order)
            return try await self.runtime.launch(order, events: self.events)
        }

        func line() async -> String? { await self.lines.first { _ in true } }
        func output() async -> [String] { await self.lines.reduce(into: []) { $0.append($1) } }
        func exit() async -> Int? { await self.exits.first { _ in true } ?? nil }
    }

    @Test("Output comes by lines, from both streams, and a last line without an end too")
    func output() async throws {
        let fixture = try Fixture("output")
        try await fixture.launch(#"echo one; echo two >&2; printf 'three\r\n'; printf four"#)
        #expect(await fixture.output() == ["one", "two", "three", "four"])
        #expect(await fixture.exit() == 0)
    }

    @Test("A line without an end is cut, and what floods is read")
    func flood() async throws {
        let fixture = try Fixture("flood")
        try await fixture.launch("head -c 3000000 /dev/zero | tr '\\0' x")
        let lines = await fixture.output()
        #expect(lines.reduce(0) { $0 + $1.utf8.count } == 3_000_000)
        #expect(lines.allSatisfy { $0.utf8.count <= 16 * 1024 })
        #expect(await fixture.exit() == 0)
    }

    @Test(
        "Exit codes are passed on, and signals as 128 and their number",
        arguments: [("exit 3", 3), ("kill -9 $$", 137)]
    )
    func exitCodes(script: String, code: Int) async throws {
        let fixture = try Fixture("exit")
        try await fixture.launch(script)
        #expect(await fixture.exit() == code)
    }

    @Test("A soft stop is a SIGTERM to the whole group, a hard one a SIGKILL")
    func stops() async throws {
        let soft = try Fixture("soft")
        try await soft.launch("trap 'echo asked; exit 5' TERM; echo up; while :; do sleep 0.01; done")
        #expect(await soft.line() == "up")
        soft.runtime.terminate(soft.id, .soft)
        #expect(await soft.exit() == 5)

        let hard = try Fixture("hard")
        try await hard.launch("trap '' TERM; echo up; while :; do sleep 0.01; done")
        #expect(await hard.line() == "up")
        hard.runtime.terminate(hard.id, .soft)
        hard.runtime.terminate(hard.id, .hard)
        #expect(await hard.exit() == 137)
    }

    @Test("Nobody whom a backend has started outlives it, in its group or out of it")
    func descendants() async throws {
        let fixture = try Fixture("family")
        try await fixture.launch("sleep 1000 & setsid sleep 1000 & echo $!; exit 0")
        _ = await fixture.exit()
        #expect(Self.processes(of: fixture.id) == [])
    }

    @Test("The environment is what was ordered, and the port")
    func environment() async throws {
        var configuration = ProcessRuntime.Configuration.test
        configuration.environment["FROM_SERVER"] = "kept"
        configuration.environment["MINE"] = "overridden"
        let fixture = try Fixture("environment", configuration)
        let address = try await fixture.launch("env") { $0.environment["MINE"] = "1" }
        let lines = await fixture.output()
        #expect(lines.contains("PORT=\(address.port ?? 0)"))
        #expect(lines.contains("SESSION_BACKEND_ID=\(fixture.id)"))
        #expect(lines.contains("MINE=1") && lines.contains("FROM_SERVER=kept"))
        #expect(!lines.contains { $0.hasPrefix("USER=") || $0.hasPrefix("LOGNAME=") })
    }

    @Test("A process has no descriptors but its three, and no input")
    func descriptors() async throws {
        let fixture = try Fixture("descriptors")
        try await fixture.launch("ls /proc/self/fd | tr '\\n' ' '; cat")
        // ls has its directory open, too.
        #expect(await fixture.output() == ["0 1 2 3 "])
    }

    @Test("Two backends have two ports")
    func ports() async throws {
        let fixtures = try (0..<2).map { try Fixture("port\($0)") }
        var ports: Set<Int?> = []
        for fixture in fixtures { ports.insert(try await fixture.launch("sleep 1000").port) }
        #expect(ports.count == 2 && !ports.contains(nil))
        for fixture in fixtures { fixture.runtime.terminate(fixture.id, .hard) }
        for fixture in fixtures { _ = await fixture.exit() }
    }

    @Test("Ports come from the range that is set, and are not used again at once")
    func portRange() async throws {
        var configuration = ProcessRuntime.Configuration.test
        let start = Int.random(in: 20_000...30_000)
        configuration.portRange = start...(start + 40)
        let fixture = try Fixture("range", configuration)
        let first = try await fixture.launch("exit 0").port
        _ = await fixture.exit()
        #expect((start...(start + 40)).contains(first ?? 0))
        let second = try Fixture("range", configuration)
        _ = try await second.launch("exit 0")
        _ = await second.exit()
    }

    @Test("What is not there cannot be prepared")
    func preparation() async throws {
        let fixture = try Fixture("prepare")
        for program in [["/no/such/program"], ["no-such-program-anywhere"], ["/etc/passwd"], []] {
            await #expect(throws: LaunchFailure.self) {
                try await fixture.runtime.prepare(LaunchOrder(backend: fixture.id, program: .command(program)))
            }
        }
        await #expect(throws: LaunchFailure.self) {
            try await fixture.launch("exit 0") { $0.workingDirectory = "/no/such/directory" }
        }
    }

    @Test("A program may be named relative to the directory that it runs in")
    func workingDirectory() async throws {
        let directory = try Self.makeDirectory()
        let script = directory + "/run.sh"
        try "#!/bin/sh\npwd\n".write(toFile: script, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        let fixture = try Fixture("cwd")
        try await fixture.launch("") { order in
            order.program = .command(["./run.sh"])
            order.workingDirectory = directory
        }
        #expect(await fixture.output() == [directory])
    }

    @Test("A mount is a directory that stays, below the base")
    func mounts() async throws {
        var configuration = ProcessRuntime.Configuration.test
        configuration.mountBase = try Self.makeDirectory()
        let first = try Fixture("mount", configuration)
        try await first.launch("echo kept > $SESSION_BACKEND_DATA_DIR/file") { $0.mount = "a/b" }
        #expect(await first.exit() == 0)
        let second = try Fixture("mount", configuration)
        try await second.launch("cat $SESSION_BACKEND_DATA_DIR/file") { $0.mount = "a/b" }
        #expect(await second.output() == ["kept"])
    }

    @Test("Processor time is limited")
    func processorTime() async throws {
        let fixture = try Fixture("cpu")
        try await fixture.launch("while :; do :; done") { $0.limits.cpuTimeLimit = 1 }
        #expect(await fixture.exit() == 137)
    }

    @Test("Memory is limited, by the kernel or by a watchdog")
    func memory() async throws {
        let fixture = try Fixture("memory")
        // Doubles a string until somebody stops it.
        try await fixture.launch("x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done") {
            $0.limits.memoryLimitBytes = 64 << 20
        }
        #expect(await fixture.exit() == 137)
    }

    @Test("What a backend uses can be asked for while it runs")
    func use() async throws {
        let fixture = try Fixture("use")
        try await fixture.launch("echo up; sleep 1000")
        _ = await fixture.line()
        let use = try #require(await fixture.runtime.use(of: fixture.id))
        #expect(use.memoryUsed > 0 && use.memoryAvailable > 0)
        fixture.runtime.terminate(fixture.id, .hard)
        _ = await fixture.exit()
        #expect(await fixture.runtime.use(of: fixture.id) == nil)
    }

    @Test("Two hundred backends leave no process and no descriptor")
    func leaks() async throws {
        let warmUp = try Fixture("leak")
        try await warmUp.launch("exit 0")
        _ = await warmUp.exit()
        let before = try Self.descriptorCount()
        for _ in 0..<200 {
            let fixture = try Fixture("leak")
            try await fixture.launch("exit 0")
            #expect(await fixture.exit() == 0)
            #expect(Self.processes(of: fixture.id) == [])
        }
        // Other tests run at the same time, and have theirs.
        #expect(try Self.descriptorCount() < before + 100)
    }

    @Test(
        "A line for a shell is one, whatever stands in it",
        arguments: [
            ("NODE_ENV=production env | grep NODE_ENV", ["NODE_ENV=production"]), ("A=1 B=2 sh -c 'echo $A$B'", ["12"]),
            ("cd / && pwd", ["/"]), ("exec echo x", ["x"]), ("echo a; echo b", ["a", "b"]), ("echo a | cat", ["a"]),
            ("(cd /tmp; pwd)", ["/tmp"]), ("true && echo yes || echo no", ["yes"]), ("echo \"a  b\"", ["a  b"]),
            ("if true; then echo t; fi", ["t"]), ("  echo spaced", ["spaced"]), ("# nothing\necho second", ["second"]),
            ("echo $PORT | tr 0-9 n | cut -c1-3", ["nnn"]), ("sh -c 'echo inner' 2>&1", ["inner"]),
        ] as [(String, [String])]
    )
    func shellLines(line: String, output: [String]) async throws {
        let fixture = try Fixture("line")
        try await fixture.launch("") { $0.program = .command(["/bin/sh", "-c", line]) }
        #expect(await fixture.output() == output)
        #expect(await fixture.exit() == 0)
    }

    @Test(
        "Whatever a line has started ends as one",
        arguments: [
            "sleep 1000", "A=1 sleep 1000", "cd / && sleep 1000", "exec sleep 1000", "sleep 1000 | cat",
            "sleep 1000; true",
            "(sleep 1000)", "sleep 1000 & wait", "sleep 1000 | (trap '' TERM; sleep 1000)",
            "while :; do sleep 1000; done",
        ],
        [TerminationKind.soft, .hard]
    )
    func lineEnds(line: String, kind: TerminationKind) async throws {
        let fixture = try Fixture("group")
        try await fixture.launch("") { $0.program = .command(["/bin/sh", "-c", "echo up; " + line]) }
        #expect(await fixture.line() == "up")
        fixture.runtime.terminate(fixture.id, kind)
        // As a supervisor does after the grace.
        if line.contains("trap"), kind == .soft { fixture.runtime.terminate(fixture.id, .hard) }
        _ = await fixture.exit()
        #expect(Self.processes(of: fixture.id) == [])
    }

    @Test("A command behind a shell has its time to say goodbye")
    func goodbye() async throws {
        let fixture = try Fixture("goodbye")
        let inner = "trap \"sleep 0.3; echo bye; exit 0\" TERM; echo up; while :; do sleep 0.01; done"
        try await fixture.launch("") { $0.program = .command(["/bin/sh", "-c", "sh -c '\(inner)'; true"]) }
        #expect(await fixture.line() == "up")
        fixture.runtime.terminate(fixture.id, .soft)
        #expect(await fixture.output().contains("bye"))
        _ = await fixture.exit()
    }

    @Test(
        "Nobody gets away: not with another session, a parent that has ended and an empty environment",
        .timeLimit(.minutes(1))
    )
    func escape() async throws {
        let fixture = try Fixture("escape")
        let daemon = "sleep 1000 </dev/null >/dev/null 2>&1 & echo $!"
        try await fixture.launch("env -i setsid sh -c '(\(daemon))'; sleep 1000")
        let pid = try #require(Int32(await fixture.line() ?? ""))
        #expect(kill(pid, 0) == 0)
        // Nothing of what is usual tells whose it is.
        #expect(!Self.processes(of: fixture.id).contains("\(pid)"))
        fixture.runtime.terminate(fixture.id, .hard)
        _ = await fixture.exit()
        // It came to this process, which has waited for it.
        while kill(pid, 0) == 0 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(errno == ESRCH)
    }

    @Test("A process may open as many files as if the server had not raised its own limit", .timeLimit(.minutes(1)))
    func openFiles() async throws {
        var configuration = ProcessRuntime.Configuration.test
        configuration.openFiles = 77
        let fixture = try Fixture("files", configuration)
        try await fixture.launch("ulimit -Sn; ulimit -Hn")
        let lines = await fixture.output()
        #expect(lines.first == "77" && lines.last != "77")
    }

    // MARK: Helpers

    private static func descriptorCount() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }

    private static func makeDirectory() throws -> String {
        let path = NSTemporaryDirectory() + "parley-test-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private static func processes(of id: BackendID) -> [String] {
        let pids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.filter { Int($0) != nil } ?? []
        return pids.filter { pid in
            let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ") ?? Data()
            return String(decoding: environment, as: UTF8.self).contains("SESSION_BACKEND_ID=\(id)")
        }
    }
}

extension ProcessRuntime.Configuration {
    static var test: Self { Self(environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"]) }
}
