internal import Foundation
internal import NIOCore

/// The bundles of the JavaScript client, served below the path from a directory of the operator's.
///
/// Read once, when the server starts: nothing else of the directory can be asked for.
struct ClientBundles: Sendable {
    struct File: Sendable {
        let contentType: String
        let body: ByteBuffer
        /// The quoted version of the client.
        let tag: String
    }

    private static let names = [
        "socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js", "socket.io.js.map",
        "socket.io.min.js.map", "socket.io.esm.min.js.map", "socket.io.msgpack.min.js.map",
    ]
    private let files: [String: File]

    init(directory: String?) {
        var files: [String: File] = [:]
        for name in directory == nil ? [] : Self.names {
            guard let data = FileManager.default.contents(atPath: "\(directory ?? "")/\(name)") else { continue }
            files[name] = File(
                contentType: name.hasSuffix(".map")
                    ? "application/json; charset=utf-8" : "application/javascript; charset=utf-8",
                body: ByteBuffer(bytes: data),
                tag: Self.tag(of: data)
            )
        }
        self.files = files
    }

    subscript(name: Substring) -> File? { self.files[String(name)] }

    /// Bundles begin with `Socket.IO v4.8.1`; others are told apart by their size.
    private static func tag(of data: Data) -> String {
        let head = String(decoding: data.prefix(200), as: UTF8.self)
        let version = head.firstRange(of: "Socket.IO v").map { mark in
            head[mark.upperBound...].prefix { $0.isNumber || $0 == "." }
        }
        return "\"\(version.map(String.init) ?? "\(data.count)")\""
    }
}
