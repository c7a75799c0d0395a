internal import ParleyModel
public import SocketIO
internal import Synchronization

/// A pattern for namespaces that come into being when a client asks for them. Each child has the parent's middlewares and
/// connection handlers.
public final class ParentNamespace: Sendable {
    /// Whether a client with this `auth` may have a namespace of this name.
    let allows: @Sendable (_ name: String, _ auth: SocketValue) async -> Bool
    /// The same where no waiting is needed.
    let allowsAtOnce: (@Sendable (_ name: String) -> Bool)?
    let behaviour = Mutex(NamespaceBehaviour())
    private let children = Mutex<[ExactString: Namespace]>([:])

    init(
        allowsAtOnce: (@Sendable (String) -> Bool)?,
        allows: @escaping @Sendable (String, SocketValue) async -> Bool
    ) {
        self.allowsAtOnce = allowsAtOnce
        self.allows = allows
    }

    /// Calls `handler` with every socket that joins a child.
    public func onConnection(_ handler: @escaping @Sendable (Socket) -> Void) {
        self.behaviour.withLock { $0.connectionHandlers.append(handler) }
    }

    /// Asked, before the child's own, whether a socket may join.
    public func use(_ middleware: @escaping @Sendable (Socket) async throws -> Void) {
        self.behaviour.withLock { $0.middlewares.append(middleware) }
    }

    /// Sends an event to every socket of every child.
    public func emit(_ event: String, _ arguments: any SocketValueConvertible...) {
        let arguments = SocketArguments(arguments.map(\.socketValue))
        for child in self.children.withLock({ Array($0.values) }) { child.emit(event, arguments: arguments) }
    }

    func adopt(_ child: Namespace) { self.children.withLock { $0[ExactString(child.name)] = child } }
    func forget(_ child: Namespace) { self.children.withLock { $0[ExactString(child.name)] = nil } }
}
