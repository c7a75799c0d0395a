/// Writes to a connection's transport without asking its driver: the end of the fan-out, a thousand times a tick.
///
/// One for all connections of a hub, so that a delivery touches nothing of a connection but its notes. See docs/architecture.md §3.7.
public protocol DirectWriter: Sendable {
    /// Writes without waiting. The bytes are valid during the call.
    func write(_ bytes: UnsafeRawBufferPointer, to handle: Int32) -> DirectWriteOutcome
    /// Writes `chunks` one behind the other.
    func write(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, to handle: Int32) -> DirectWriteOutcome
}

public enum DirectWriteOutcome: Equatable, Sendable {
    /// Bytes that the transport took; fewer than asked for means that it is full.
    case wrote(Int)
    /// The transport is broken.
    case failed
}

/// Takes nothing: where there is no direct writer, the drivers write everything.
struct NoDirectWriter: DirectWriter {
    func write(_ bytes: UnsafeRawBufferPointer, to handle: Int32) -> DirectWriteOutcome { .wrote(0) }
    func write(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, to handle: Int32) -> DirectWriteOutcome { .wrote(0) }
}
