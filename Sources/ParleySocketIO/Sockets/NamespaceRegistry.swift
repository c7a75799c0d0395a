internal import Logging
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO
internal import Synchronization

/// The namespaces of a server, by name, and what all of them share.
final class NamespaceRegistry: Sendable {
    let configuration: SocketIOConfiguration
    let logger: Logger
    let topics: SocketTopics

    private struct State {
        var namespaces: [ExactString: Namespace] = [:]
        var parents: [ParentNamespace] = []
    }

    private let state = Mutex(State())
    private let hasWarnedOfAlias = Atomic<Bool>(false)
    private let attachment = Mutex<SocketIOSite?>(nil)

    init(_ configuration: SocketIOConfiguration, topics: SocketTopics, logger: Logger) {
        self.configuration = configuration
        self.topics = topics
        self.logger = logger
    }

    /// Where the sockets live; `nil` until there is a hub.
    var site: SocketIOSite? { self.attachment.withLock { $0 } }

    func attach(_ site: SocketIOSite) { self.attachment.withLock { $0 = site } }

    /// The namespace of that name, which exists from now on. A missing slash is put before it.
    func of(_ name: String) -> Namespace {
        let name = Self.normalized(name)
        return self.state.withLock { state in
            if let namespace = state.namespaces[ExactString(name)] { return namespace }
            let aliases = self.configuration.namespaceAliases
            let namespace = Namespace(
                name: name,
                registry: self,
                parent: nil,
                aliases: aliases.filter { Self.normalized($0.value).hasSameBytes(as: name) }.map(\.key).sorted()
            )
            state.namespaces[ExactString(name)] = namespace
            return namespace
        }
    }

    /// Namespaces whose names match a regular expression as a whole, made when a client asks for one.
    ///
    /// Patterns and predicates are tried in the order of their declaration, after the names themselves.
    /// - Throws: When `pattern` is no regular expression.
    func of(matching pattern: String) throws -> ParentNamespace {
        let pattern = NamespacePattern(try Regex(pattern))
        return self.add(ParentNamespace(allowsAtOnce: pattern.matches) { _, _ in false })
    }

    /// Namespaces that a predicate allows, made when a client asks for one.
    /// - Parameter isAllowed: Given the name and the client's auth object.
    func of(
        where isAllowed: @escaping @Sendable (_ name: String, _ auth: SocketValue) async -> Bool
    ) -> ParentNamespace {
        self.add(ParentNamespace(allowsAtOnce: nil, allows: isAllowed))
    }

    private func add(_ parent: ParentNamespace) -> ParentNamespace {
        self.state.withLock { $0.parents.append(parent) }
        return parent
    }

    /// Whether a namespace of that name exists now.
    func hasNamespace(_ name: String) -> Bool {
        self.state.withLock { $0.namespaces[ExactString(Self.normalized(name))] != nil }
    }

    /// The namespace of that name, if there is one.
    func namespace(named name: String) -> Namespace? {
        self.state.withLock { $0.namespaces[ExactString(name)] }
    }

    private static func normalized(_ name: String) -> String { name.hasPrefix("/") ? name : "/" + name }

    /// The namespace that a client may have under a name, as far as that is known without asking a predicate.
    enum Lookup {
        case found(Namespace)
        /// These have to be asked, in order.
        case ask([ParentNamespace])
    }

    func lookUp(_ wireName: String) -> Lookup {
        let alias = self.configuration.namespaceAliases.first { $0.key.hasSameBytes(as: wireName) }
        if let target = alias?.value {
            // Loud once: a client that does it does it always, and there may be many.
            self.logger.log(
                level: self.hasWarnedOfAlias.exchange(true, ordering: .relaxed) ? .debug : .warning,
                "A client took a path for a namespace: the URL given to io() must not have one",
                metadata: ["namespace": "\(wireName)"]
            )
            return .found(self.of(target))
        }
        let parents: [ParentNamespace]
        switch self.state.withLock({ ($0.namespaces[ExactString(wireName)], $0.parents) }) {
        case (let namespace?, _): return .found(namespace)
        case (nil, let all): parents = all
        }
        for (index, parent) in parents.enumerated() {
            guard let allowsAtOnce = parent.allowsAtOnce else { return .ask(Array(parents[index...])) }
            if allowsAtOnce(wireName) { return .found(self.child(wireName, of: parent)) }
        }
        return .ask([])
    }

    /// The child that a parent has under a name.
    func child(_ name: String, of parent: ParentNamespace) -> Namespace {
        self.state.withLock { state in
            if let namespace = state.namespaces[ExactString(name)] { return namespace }
            let namespace = Namespace(name: name, registry: self, parent: parent, aliases: [])
            state.namespaces[ExactString(name)] = namespace
            parent.adopt(namespace)
            return namespace
        }
    }

    /// A child's last socket has left.
    func socketLeft(_ namespace: Namespace) {
        guard namespace.socketCount.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 else { return }
        self.forgetIfEmpty(namespace)
    }

    private func forgetIfEmpty(_ namespace: Namespace) {
        guard let parent = namespace.parent, self.configuration.cleansUpEmptyChildNamespaces, let site = self.site
        else {
            return
        }
        let isEmpty = self.state.withLock { state -> Bool in
            guard namespace.socketCount.load(ordering: .sequentiallyConsistent) == 0,
                state.namespaces[ExactString(namespace.name)] === namespace
            else { return false }
            state.namespaces[ExactString(namespace.name)] = nil
            return true
        }
        guard isEmpty else { return }
        parent.forget(namespace)
        for shard in 0..<site.hub.shardCount {
            site.hub.post(NodeCommand.forget(namespace: namespace.name), for: site.part, to: shard)
        }
    }

    /// A socket was not let in: a child that was made for it may have nobody.
    func socketWasRefused(_ namespace: Namespace) {
        guard namespace.parent != nil, namespace.socketCount.load(ordering: .sequentiallyConsistent) == 0 else {
            return
        }
        self.forgetIfEmpty(namespace)
    }

    /// Counts a socket in, unless the namespace has been forgotten in the meantime.
    func socketJoins(_ namespace: Namespace) -> Bool {
        self.state.withLock { state in
            guard state.namespaces[ExactString(namespace.name)] === namespace else { return false }
            namespace.socketCount.add(1, ordering: .sequentiallyConsistent)
            return true
        }
    }
}

/// A regular expression that all event loops share: compiled once, and used by one of them at a time.
private final class NamespacePattern: Sendable {
    private let pattern: Mutex<Regex<AnyRegexOutput>>

    init(_ pattern: sending Regex<AnyRegexOutput>) {
        self.pattern = Mutex(pattern)
    }

    func matches(_ name: String) -> Bool { self.pattern.withLock { (try? $0.wholeMatch(in: name)) != nil } }
}
