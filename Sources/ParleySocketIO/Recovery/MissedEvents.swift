internal import ParleyModel
internal import SocketIO

/// What a socket has not heard of a namespace's log, and what was done to it in the meantime.
struct MissedEvents: Sendable {
    struct Event: Sendable {
        let position: StreamPosition
        let event: EncodedEvent
    }

    private(set) var events: [Event] = []
    /// The rooms that it is in now.
    private(set) var rooms: Set<ExactString>
    /// Whether it was made to leave.
    private(set) var isDisconnected = false
    /// Where the log was.
    private(set) var newest: StreamPosition

    /// - Parameters:
    ///   - publications: All that the log has behind `start`, oldest first.
    ///   - rooms: Those that it is in, its own not counted.
    ///   - heard: What was done to it up to here shows in its rooms.
    init(
        _ publications: [Publication],
        after start: StreamPosition,
        by id: String,
        in rooms: Set<ExactString>,
        heard: StreamPosition
    ) {
        self.rooms = rooms
        self.newest = start
        for publication in publications {
            self.newest.offset = publication.offset
            guard let entry = NamespaceEntry(publication.payload), entry.selection.contains(id: id, rooms: self.rooms)
            else { continue }
            switch entry.content {
            case .event(let event, _): self.events.append(Event(position: self.newest, event: event))
            case .change(let change):
                if publication.offset > heard.offset { self.apply(change, by: id) }
            }
            if self.isDisconnected { return }
        }
    }

    /// Adds what came behind it.
    mutating func append(_ more: MissedEvents) {
        self.events += more.events
        self.rooms = more.rooms
        self.isDisconnected = more.isDisconnected
        self.newest = more.newest
    }

    private mutating func apply(_ change: RoomChange, by id: String) {
        switch change {
        case .join(let rooms):
            for room in rooms where !room.hasSameBytes(as: id) { self.rooms.insert(ExactString(room)) }
        case .leave(let rooms):
            for room in rooms { self.rooms.remove(ExactString(room)) }
        case .disconnect:
            self.isDisconnected = true
        }
    }
}
