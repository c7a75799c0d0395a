internal import NIOCore

/// An error whose description is a sentence of ours for operators: without secrets, requests or words of a peer.
public protocol SpokenError: Error, CustomStringConvertible {}

/// Errors as log lines may show them.
public enum ErrorText {
    public static let maximumBytes = 1000

    /// What happened, in at most ``maximumBytes``.
    ///
    /// Errors of libraries are not asked for their own words: an HTTP library says which header value it did not like, and that is
    /// a key. What the system said below them is told, or else what kind of error it is.
    public static func of(_ error: any Error) -> String {
        if let spoken = error as? any SpokenError { return Self.bounded(spoken.description) }
        if let reason = Self.systemReason(of: error, depth: 0) { return reason }
        return "\(type(of: error))"
    }

    /// What the system call that failed gave as its reason, wherever in `error` it is.
    private static func systemReason(of error: Any, depth: Int) -> String? {
        if let error = error as? IOError { return SystemFailure(code: error.errnoCode).description }
        if error is SocketAddressError || error is SocketAddressError.UnknownHost {
            return "the name of the host cannot be resolved"
        }
        guard depth < 4 else { return nil }
        for child in Mirror(reflecting: error).children.prefix(16) {
            if let reason = Self.systemReason(of: child.value, depth: depth + 1) { return reason }
        }
        return nil
    }

    private static func bounded(_ text: String) -> String {
        guard text.utf8.count > Self.maximumBytes else { return text }
        return String(decoding: text.utf8.prefix(Self.maximumBytes), as: UTF8.self) + "…"
    }
}
