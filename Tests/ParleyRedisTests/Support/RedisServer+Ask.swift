import Foundation

extension RedisServer {
    /// What `redis-cli` gets as an answer, for what a client of ours does not do: it asks this very node.
    @discardableResult
    func ask(_ arguments: String...) throws -> String {
        try Self.run("redis-cli", ["-h", "127.0.0.1", "-p", "\(self.port)"] + arguments)
    }

    @discardableResult
    static func run(_ program: String, _ arguments: [String], in folder: String? = nil) throws -> String {
        // Whoever asks again and again ends with the time of the test.
        try Task.checkCancellation()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.standardError = FileHandle.nullDevice
        let (input, output) = try Self.run(process)
        try input.fileHandleForWriting.close()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self)
        guard process.terminationStatus == 0 else {
            throw Failure(
                description: "\(program) \(arguments.first ?? "") ended with \(process.terminationStatus): \(text)"
            )
        }
        return text
    }
}
