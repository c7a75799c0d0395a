/// What a peer may send before the connection is failed. Checked against the announced length, before anything is kept.
public struct WebSocketLimits: Sendable, Equatable {
    /// Payload bytes of one frame as on the wire; 0 means that only the message limit counts. Failed with 1009.
    public var maximumFrameBytes: Int
    /// Bytes of one message, after inflation. More than zero. Failed with 1009.
    public var maximumMessageBytes: Int
    /// Frames of one message; 0 means any number. Failed with 1008.
    public var maximumFragments: Int

    public init(maximumFrameBytes: Int = 0, maximumMessageBytes: Int = 1 << 20, maximumFragments: Int = 1024) {
        self.maximumFrameBytes = maximumFrameBytes
        self.maximumMessageBytes = maximumMessageBytes
        self.maximumFragments = maximumFragments
    }
}

/// What all connections of one listener have in common, held once instead of in each of ten thousands of connections.
public final class WebSocketConfiguration: Sendable {
    public let limits: WebSocketLimits

    /// - Parameter limits: The message limit must be positive; above 1 GiB it counts as 1 GiB, because a `ByteBuffer`
    ///   ends at 4 GiB and grows by doubling.
    public init(limits: WebSocketLimits = WebSocketLimits()) {
        precondition(limits.maximumMessageBytes > 0, "maximumMessageBytes must be more than 0")
        var limits = limits
        limits.maximumMessageBytes = min(limits.maximumMessageBytes, 1 << 30)
        self.limits = limits
    }

    /// The bound for the compressed form of a message. Data that does not compress grows when it is deflated, by a few
    /// bytes per block, and a message of exactly the limit must still pass.
    var maximumCompressedBytes: Int {
        self.limits.maximumMessageBytes + self.limits.maximumMessageBytes / 16 + 64
    }
}
