import NIOCore
import ParleyBackends
import ParleyModel
import Testing

@testable import ParleyBackendsHTTP

@Suite struct ConnectBodyTests {
    private static func mount(_ path: String) throws(BackendFailure) -> SpawnOrder.Mount? {
        var json = ByteBuffer(string: "{\"mount\":")
        json.writeJSONString(path)
        json.writeString("}")
        return try SpawnBody.mount(try BackendFields(json))
    }

    @Test(
        "A mount is a path that leads down, and no further up than it began",
        arguments: [
            ("a", true), ("a/b", true), ("a..b/...", true), ("é/\u{301}", true), ("a\u{600}/b", true),
            ("", false), (".", false), ("..", false), ("a/..", false), ("../a", false), ("/a", false), ("a/", false),
            ("a//b", false), ("a/./b", false), ("a\0", false),
            // A slash is a byte: that it belongs to another character to Swift is nothing to a file system.
            ("a\u{600}/..", false), ("a\u{200D}/..", false), ("a\u{600}/../\u{301}b", false), ("a/\u{301}/..", false),
        ]
    )
    func mounts(path: String, isUsable: Bool) {
        if isUsable {
            #expect(throws: Never.self) { try Self.mount(path) }
        } else {
            #expect(throws: BackendFailure.self) { try Self.mount(path) }
        }
    }

    @Test("A variable has no equals sign in its name", arguments: ["A=", "A=B", "=A", "A=\u{301}B", "A\u{600}=B"])
    func variables(name: String) {
        var json = ByteBuffer(string: "{")
        json.writeJSONString(name)
        json.writeString(":\"x\"}")
        #expect(throws: BackendFailure.self) { try ConnectBody.environment(try BackendFields(json)) }
    }
}
