#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// What a call of the system has failed with, in its own words and with no others around them.
public struct SystemFailure: SpokenError, Equatable {
    public let code: Int32

    public init(code: Int32) {
        self.code = code
    }

    /// For instance `Permission denied`.
    public var description: String { String(cString: strerror(self.code)) }

    /// Makes a directory, and those above it, unless they are there.
    /// - Parameter mode: Of those that are made.
    public static func makeDirectory(_ path: String, mode: UInt32 = 0o777) throws(SystemFailure) {
        var end = path.startIndex
        while end < path.endIndex {
            end = path[end...].dropFirst().firstIndex(of: "/") ?? path.endIndex
            let made = mkdir(String(path[..<end]), mode_t(mode))
            let failure = errno
            if made == 0 || Self.isDirectory(String(path[..<end])) { continue }
            // Something else has the name.
            throw SystemFailure(code: failure == EEXIST ? ENOTDIR : failure)
        }
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
