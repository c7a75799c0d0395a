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
}
