import Foundation
import Testing

/// What the sources look like, as their folders promise it.
@Suite("The folders of targets")
struct FolderTests {
    /// From the lowest to the highest: each knows those before it. Files beside the folders know all of them.
    static let targets: [String: [String]] = [
        "ParleyTransport": ["Requests", "Connections", "Listeners", "Detection"],
        "ParleySocketIO": [
            "Configuration", "Engine", "Endpoint", "Recovery", "Commands", "Sockets", "Clients", "Server",
        ],
        "ParleyBackendsHTTP": ["Services", "Upstream", "Resume", "Proxy", "API", "Host"],
        "ParleyGateway": ["Configuration", "Events", "Gateway", "REST", "Endpoints"],
    ]

    struct Folder: Sendable, CustomStringConvertible {
        let target: String
        let name: String
        let above: ArraySlice<String>
        var description: String { "\(self.target)/\(self.name)" }
    }

    static let folders = targets.sorted { $0.key < $1.key }.flatMap { target, names in
        names.indices.map { Folder(target: target, name: names[$0], above: names[($0 + 1)...]) }
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources")

    /// The code of a folder's files, and of folders in it, without comments and text.
    private static func code(in folder: String) throws -> [(file: String, code: String)] {
        let directory = Self.root.appending(path: folder)
        return try FileManager.default.subpathsOfDirectory(atPath: directory.path).sorted()
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
        let declaration = /(?m)^(?:public |package |open |final |indirect )*(?:class|struct|enum|protocol) (\w+)/
        return Set(try Self.code(in: folder).flatMap { $0.code.matches(of: declaration).map(\.output.1) })
    }

    @Test("Every folder has its place in the order", arguments: targets.keys.sorted())
    func places(target: String) throws {
        let directory = Self.root.appending(path: target).path
        let found = try FileManager.default.contentsOfDirectory(atPath: directory).filter { !$0.contains(".") }
        #expect(found.sorted() == Self.targets[target]?.sorted())
    }

    @Test("A folder knows those below it, and none above", arguments: folders)
    func order(folder: Folder) throws {
        let words = /\w+/
        let code = try Self.code(in: folder.description)
        for above in folder.above {
            let types = try Self.types(in: "\(folder.target)/\(above)")
            #expect(!types.isEmpty)
            for (file, code) in code {
                let named = Set(code.matches(of: words).map(\.output)).intersection(types)
                #expect(named.isEmpty, "\(folder)/\(file) names \(named.sorted()) of \(above)")
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
