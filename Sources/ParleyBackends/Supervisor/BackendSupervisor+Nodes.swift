internal import Logging
internal import NIOCore
internal import ParleyHub
public import ParleyModel

/// What other nodes know of this one, and it of them.
extension BackendSupervisor {
    /// Lists this node, so that it gets backends; from then on, ``sweep()`` keeps it listed. Once is enough.
    /// - Throws: ``StoreError``.
    public func enter() async throws {
        let load = self.withMachine { $0.announcer.isListed ? nil : $0.heldCount }
        if let load { try await self.announce(load: load) }
    }

    func announce(load: Int) async throws {
        let node = BackendNode(name: self.node, cluster: self.configuration.cluster, liveBackends: load)
        var trouble: (any Error)?
        do {
            try await self.coordination.nodes.announce(node, lease: self.coordination.nodeLease)
        } catch {
            trouble = error
        }
        let now = self.uptime()
        let change = self.withMachine { $0.announcer.answered(trouble, at: now) }
        self.log(change)
        if let trouble { throw trouble }
    }

    /// Once for a trouble, however often it is tried again.
    private func log(_ change: StoreHealth.Change?) {
        switch change {
        case .began(_, let error):
            self.logger.warning("This node cannot be announced to the others", metadata: ["error": "\(error)"])
        case .ended(_, let failures):
            self.logger.notice("This node is announced again", metadata: ["failures": "\(failures)"])
        case nil:
            break
        }
    }

    /// Nodes that take backends, or would if they did not drain.
    /// - Throws: ``BackendFailure/internalError`` when they are not known at present.
    public func nodes() async throws(BackendFailure) -> [ListedNode] {
        var nodes: [ListedNode]
        do {
            nodes = try await self.coordination.nodes.nodes()
        } catch {
            throw self.nodesFailed(error)
        }
        // What it has said last may be a little old.
        let load = self.withMachine { $0.heldCount }
        for index in nodes.indices where nodes[index].node.name == self.node { nodes[index].node.liveBackends = load }
        return nodes
    }

    /// - Parameter isDraining: `false`: takes new backends again.
    /// - Returns: Whether that changed anything; `nil`: no such node.
    /// - Throws: ``BackendFailure/internalError`` when it may not have been done.
    public func drain(_ node: String, _ isDraining: Bool = true) async throws(BackendFailure) -> Bool? {
        do {
            return try await self.coordination.nodes.drain(node, isDraining)
        } catch {
            throw self.nodesFailed(error)
        }
    }

    func nodesFailed(_ error: any Error) -> BackendFailure {
        self.logger.error("The directory of nodes cannot be asked", metadata: ["error": "\(ErrorText.of(error))"])
        return .internalError
    }
}
