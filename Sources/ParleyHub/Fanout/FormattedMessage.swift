public import NIOCore

/// Something to be said to connections of any wire format: written once for each format that its audience has, on each shard.
public protocol FormattedMessage: Sendable {
    /// Appends the bytes that every connection of `format` receives, as one indivisible piece; nothing, if such a connection
    /// hears nothing of it.
    func write(as format: FormatID, into wire: inout ByteBuffer)
}
