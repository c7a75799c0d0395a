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

    /// Whether a socket with this id, in these rooms, is meant.
    func contains(id: String, rooms: Set<ExactString>) -> Bool {
        func isIn(_ room: String) -> Bool { rooms.contains(ExactString(room)) || room.hasSameBytes(as: id) }
        guard self.excludedID?.hasSameBytes(as: id) != true, !self.except.contains(where: isIn) else {
            return false
        }
        return self.rooms.isEmpty || self.rooms.contains(where: isIn)
    }
}

/// How an event travels.
struct EmitOptions: Sendable, Equatable {
    var isVolatile = false
    var compresses = true
}
