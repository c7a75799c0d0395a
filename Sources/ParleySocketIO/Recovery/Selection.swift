internal import ParleyHub
internal import ParleyModel

/// Which sockets of a namespace are meant.
struct Selection: Sendable {
    /// Union; empty: everybody.
    var rooms: [String] = []
    var except: [String] = []
    /// The connection of the socket that speaks.
    var excluding: ClientID?
    /// The id of that socket.
    var excludedID: String?
    var options = EmitOptions()

    /// - Parameter incarnation: The node's own, as connections of others are none of its.
    func audience(in namespace: Namespace, as wireName: String, at incarnation: NodeIncarnation) -> Audience {
        Audience(
            topics: self.rooms.isEmpty
                ? [namespace.topic(nil, as: wireName)] : self.rooms.map { namespace.topic($0, as: wireName) },
            excludedTopics: self.except.map { namespace.topic($0, as: wireName) },
            excluding: self.excluding.flatMap { $0.incarnation == incarnation ? $0.connection : nil },
            isVolatile: self.options.isVolatile
        )
    }

    /// Whether a socket with this id, in these rooms, is meant.
    func contains(id: String, rooms: Set<ExactString>) -> Bool {
        func isIn(_ room: String) -> Bool { rooms.contains(ExactString(room)) || room.hasSameBytes(as: id) }
        guard self.excludedID?.hasSameBytes(as: id) != true, !self.except.contains(where: isIn) else {
            return false
        }
        return self.rooms.isEmpty || self.rooms.contains(where: isIn)
    }
}
