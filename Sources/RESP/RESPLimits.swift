/// How much of a peer's a parser takes. What is beyond is refused when it is announced, before it is there.
package struct RESPLimits: Sendable, Hashable {
    /// One string, in bytes.
    package var maximumStringBytes = 64 * 1024 * 1024
    /// A value with all that is in it, in bytes on the wire.
    package var maximumValueBytes = 128 * 1024 * 1024
    /// What a value has in it, on all levels together: each takes much more memory than its four bytes on the wire.
    package var maximumElements = 1024 * 1024
    /// Arrays in arrays. Servers answer with a handful of levels, scripts with as many as they like.
    package var maximumDepth = 64
    /// A line: errors, numbers, lengths.
    package var maximumLineBytes = 64 * 1024

    package init() {}
}
