import Foundation
import ParleyModel
import Testing

@Suite struct DirectoryTests {
    @Test("A directory is made with all above it, and may be there")
    func makes() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path()
        defer { try? FileManager.default.removeItem(atPath: root) }
        for _ in 0..<2 { try Directory.make(root + "/a//b/", mode: 0o700) }
        #expect(FileManager.default.fileExists(atPath: root + "/a/b"))
        #expect(FileManager.default.createFile(atPath: root + "/file", contents: nil))
        for path in ["/file", "/file/below"] {
            #expect(throws: SystemFailure(code: ENOTDIR)) { try Directory.make(root + path) }
        }
    }

    @Test("What keeps it from being made is said in the system's words", arguments: ["/dev/null/x", "/proc/x/y"])
    func fails(_ path: String) {
        let failure = #expect(throws: SystemFailure.self) { try Directory.make(path) }
        #expect(failure.map { ErrorText.of($0) } == failure?.description)
        #expect(failure?.description.contains("rror") == false)
    }
}
