internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import Synchronization

extension Socket {
    /// Puts the socket into rooms; effective at once on its event loop. Joining twice changes nothing.
    public func join(_ rooms: String...) { self.join(rooms) }
    public func join(_ rooms: [String]) { self.perform(.change(.join(rooms))) }

    /// Takes the socket out of rooms. Nobody leaves the room of its own id.
    public func leave(_ rooms: String...) { self.leave(rooms) }
    public func leave(_ rooms: [String]) { self.perform(.change(.leave(rooms))) }

    /// Before the socket is connected, rooms are remembered for then.
    /// - Returns: Those that are new to it and that it has to be subscribed to.
    func enter(_ rooms: [String]) -> [String] {
        let limit = self.namespace.registry.configuration.maximumRoomsPerSocket
        return self.state.withLock { state in
            guard state.phase != .disconnected else { return [] }
            var new: [String] = []
            for room in rooms where !room.hasSameBytes(as: self.id) && state.rooms.count < limit {
                if state.rooms.insert(ExactString(room)).inserted { new.append(room) }
            }
            return state.phase == .connected ? new : []
        }
    }

    /// - Returns: Those that it has left, and is subscribed to.
    func exit(_ rooms: [String]) -> [String] {
        self.state.withLock { state in
            var left: [String] = []
            for room in rooms {
                if state.rooms.remove(ExactString(room)) != nil { left.append(room) }
            }
            return state.phase == .connected ? left : []
        }
    }
}
