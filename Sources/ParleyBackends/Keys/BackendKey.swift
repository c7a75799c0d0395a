/// What at most one live backend holds at a time.
public struct BackendKey: Sendable, Hashable {
    /// Who the name belongs to: account, service and environment, or the namespace of a Plane client.
    public var scope: String
    public var name: String

    public init(scope: String, name: String) {
        self.scope = scope
        self.name = name
    }
}
