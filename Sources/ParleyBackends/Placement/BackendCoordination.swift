public import NIOCore
public import ParleyModel

/// How the nodes that run backends agree with each other: on keys, on who there is, and on who takes what.
public struct BackendCoordination: Sendable {
    public var keys: any KeyDirectory
    public var nodes: any BackendNodeDirectory
    public var placement: any Placement
    /// The times of a key's lease; `expiry` is what the directory is asked for.
    public var lease: LeaseTimes
    /// How long a node is listed that says nothing.
    public var nodeLease: TimeAmount

    public init(
        keys: any KeyDirectory,
        nodes: any BackendNodeDirectory,
        placement: (any Placement)? = nil,
        lease: LeaseTimes = LeaseTimes(),
        nodeLease: TimeAmount = .seconds(45)
    ) {
        self.keys = keys
        self.nodes = nodes
        self.placement = placement ?? LeastBusyPlacement(nodes)
        self.lease = lease
        self.nodeLease = nodeLease
    }

    /// A node without others. Nobody else can take a key, so that a server that was stopped for a while loses none, and is there
    /// again at once.
    public static func alone(
        uptime: @escaping @Sendable () -> NIODeadline = { .now() },
        wallTime: @escaping @Sendable () -> WallTime
    ) -> BackendCoordination {
        BackendCoordination(
            keys: MemoryKeyDirectory(uptime: uptime, wallTime: wallTime),
            nodes: MemoryBackendNodeDirectory(uptime: uptime),
            lease: LeaseTimes(
                renewal: LeaseTimes().renewal,
                softStop: .hours(1_000_000),
                hardStop: .hours(1_100_000),
                expiry: .hours(1_200_000)
            ),
            nodeLease: .hours(1_200_000)
        )
    }
}
