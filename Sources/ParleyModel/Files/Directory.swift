#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Directories that a server keeps things in.
package enum Directory {
    /// Makes one, and those above it, unless they are there.
    ///
    /// Not Foundation's way, which does not say what the system said.
    /// - Parameter mode: Of those that are made.
    package static func make(_ path: String, mode: UInt32 = 0o777) throws(SystemFailure) {
        var end = path.startIndex
        while end < path.endIndex {
            end = path[end...].dropFirst().firstIndex(of: "/") ?? path.endIndex
            let made = mkdir(String(path[..<end]), mode_t(mode))
            let failure = errno
            if made == 0 || Self.isThere(String(path[..<end])) { continue }
            // Something else has the name.
            throw SystemFailure(code: failure == EEXIST ? ENOTDIR : failure)
        }
    }

    private static func isThere(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
