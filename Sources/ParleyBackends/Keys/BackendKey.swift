internal import ParleyModel

/// What at most one live backend holds at a time.
///
/// Of the very same bytes, as clients of any language and the directories of mounts tell keys apart.
public struct BackendKey: Sendable, Hashable {
    /// Who the name belongs to: account, service and environment, or the namespace of a Plane client.
    public var scope: String
    public var name: String

    public init(scope: String, name: String) {
        self.scope = scope
        self.name = name
    }

    private static let planePrefix = "plane:"

    /// The scope of keys in a namespace of Plane clients: one that no service has.
    public static func planeScope(_ namespace: String = "") -> String { Self.planePrefix + namespace }

    static func isPlane(scope: String) -> Bool { scope.utf8.starts(with: Self.planePrefix.utf8) }

    public static func == (one: BackendKey, other: BackendKey) -> Bool {
        one.name.hasSameBytes(as: other.name) && one.scope.hasSameBytes(as: other.scope)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(ExactString(self.scope))
        hasher.combine(ExactString(self.name))
    }
}
