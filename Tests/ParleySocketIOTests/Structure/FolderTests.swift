import Foundation
import Testing

/// What the sources look like, as their folders promise it.
@Suite("The sources of Socket.IO")
struct FolderTests {
    /// From the lowest to the highest: each knows those before it.
    static let folders = [
        "Configuration", "Engine", "Endpoint", "Recovery", "Commands", "Sockets", "Clients", "Server",
    ]

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")

    /// The code of a folder's files, without comments and text.
    private static func code(in folder: String) throws -> [(file: String, code: String)] {
        let directory = Self.root.appending(path: folder)
        return try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
            .filter { $0.hasSuffix(".swift") }
            .map { file in
                let text = try String(contentsOf: directory.appending(path: file), encoding: .utf8)
                let lines = text.split(separator: "\n").map { line in
                    line.replacing(/"([^"\\]|\\.)*"/, with: "").replacing(/\/\/.*/, with: "")
                }
                return (file, lines.joined(separator: "\n"))
            }
    }

    /// The types that a folder declares.
    private static func types(in folder: String) throws -> Set<Substring> {
        let declaration = /(?m)^(?:public |package |final |indirect )*(?:class|struct|enum|protocol) (\w+)/
        return Set(try Self.code(in: folder).flatMap { $0.code.matches(of: declaration).map(\.output.1) })
    }

    @Test("Every folder has its place in the order")
    func places() throws {
        let directory = Self.root.appending(path: "ParleySocketIO").path
        let found = try FileManager.default.contentsOfDirectory(atPath: directory).filter { !$0.contains(".") }
        #expect(found.sorted() == Self.folders.sorted())
    }

    @Test("A folder knows those below it, and none above", arguments: folders.indices)
    func order(index: Int) throws {
        let words = /\w+/
        for above in Self.folders[(index + 1)...] {
            let types = try Self.types(in: "ParleySocketIO/\(above)")
            #expect(!types.isEmpty)
            for (file, code) in try Self.code(in: "ParleySocketIO/\(Self.folders[index])") {
                let named = Set(code.matches(of: words).map(\.output)).intersection(types)
                #expect(named.isEmpty, "\(Self.folders[index])/\(file) names \(named.sorted()) of \(above)")
            }
        }
    }

    @Test(
        "What crosses shards has no function in it",
        arguments: [
            ("ParleyHub/Hub", "ShardMessage.swift"), ("ParleySocketIO/Engine", "EngineCommand.swift"),
            ("ParleySocketIO/Commands", "NodeCommand.swift"), ("ParleySocketIO/Commands", "Question.swift"),
            ("ParleySocketIO/Recovery", "RecoveryQuestion.swift"), ("ParleySocketIO/Recovery", "AbsentSockets.swift"),
            ("ParleySocketIO/Recovery", "MissedEvents.swift"), ("ParleySocketIO/Recovery", "NamespaceEntry.swift"),
        ]
    )
    func data(folder: String, file: String) throws {
        let code = try #require(try Self.code(in: folder).first { $0.file == file }?.code)
        let declaration = #/^ *(private |public |package |fileprivate )*(case|let|var) /#
        let held = code.split(separator: "\n").filter { $0.contains(declaration) }
        #expect(!held.isEmpty)
        for line in held where line.contains("->") || line.contains("@Sendable") {
            Issue.record("\(file) holds a function: \(line)")
        }
    }
}
