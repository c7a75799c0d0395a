internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import Synchronization

extension Socket {
    /// Puts the socket into rooms; effective at once on its event loop. Joining twice changes nothing.
    public func join(_ rooms: String...) { self.join(rooms) }

    public func join(_ rooms: [String]) {
        if self.eventLoop.inEventLoop {
            self.joinNow(rooms)
        } else {
            self.onLoop { _ in self.joinNow(rooms) }
        }
    }

    /// Takes the socket out of rooms. Nobody leaves the room of its own id.
    public func leave(_ rooms: String...) { self.leave(rooms) }

    public func leave(_ rooms: [String]) {
        if self.eventLoop.inEventLoop {
            self.leaveNow(rooms)
        } else {
            self.onLoop { _ in self.leaveNow(rooms) }
        }
    }

    /// Before the socket is connected, rooms are remembered for then.
    private func joinNow(_ rooms: [String]) {
        let limit = self.namespace.server.configuration.maximumRoomsPerSocket
        for room in rooms where !room.hasSameBytes(as: self.id) {
            let joins = self.state.withLock { state -> Bool in
                guard state.phase != .disconnected, state.rooms.count < limit else { return false }
                guard state.rooms.insert(ExactString(room)).inserted else { return false }
                return state.phase == .connected
            }
            if joins { self.connection.subscribe(to: self.namespace.topic(room, as: self.wireName)) }
        }
    }

    private func leaveNow(_ rooms: [String]) {
        for room in rooms {
            let leaves = self.state.withLock { $0.rooms.remove(ExactString(room)) != nil && $0.phase == .connected }
            if leaves { self.connection.unsubscribe(from: self.namespace.topic(room, as: self.wireName)) }
        }
    }
}
