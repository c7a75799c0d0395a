import Foundation
import Logging

/// The limit of open files, which bounds connections: each takes one.
enum OpenFiles {
    /// Below this a server fills up before it is busy.
    static let comfortable = 10_000

    /// The limit in force; `nil` when it is not known, or there is none.
    static var softLimit: Int? {
        var limit = rlimit()
        guard getrlimit(Self.resource, &limit) == 0 else { return nil }
        return Int(exactly: limit.rlim_cur)
    }

    #if os(Linux)
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
    private static let resource = RLIMIT_NOFILE
    #endif

    /// Raises the soft limit to the hard one, and says so when that is not much.
    /// - Returns: The limit in force; `nil` when it is not known.
    static func raiseLimit(logger: Logger) -> Int? {
        var limit = rlimit()
        guard getrlimit(Self.resource, &limit) == 0 else { return nil }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            _ = setrlimit(Self.resource, &limit)
        }
        if limit.rlim_cur < Self.comfortable {
            logger.warning(
                "Few open files allowed: each connection takes one. Raise the hard limit (ulimit -Hn, LimitNOFILE)",
                metadata: ["limit": .stringConvertible(limit.rlim_cur)]
            )
        }
        return Int(clamping: limit.rlim_cur)
    }
}
