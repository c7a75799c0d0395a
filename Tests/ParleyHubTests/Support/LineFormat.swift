import NIOCore
import ParleyModel
import Synchronization

@testable import ParleyHub

/// The simplest wire format: one line an event, beginning with a mark that tells formats apart.
final class LineFormat: WireFormat {
    let dialect: DialectName
    let mark: String
    let greets: Bool
    let showsPresence: Bool
    private let encodings = Mutex(0)

    init(_ mark: String = "", dialect: DialectName = .relay, greets: Bool = false, showsPresence: Bool = true) {
        self.mark = mark
        self.dialect = dialect
        self.greets = greets
        self.showsPresence = showsPresence
    }

    /// How many events have been encoded.
    var encodingCount: Int { self.encodings.withLock { $0 } }

    func encode(_ event: TopicEvent, in topic: some TopicView, into wire: inout ByteBuffer) {
        self.encodings.withLock { $0 += 1 }
        switch event {
        case .joined(let member):
            if self.showsPresence { wire.writeString("\(self.mark)joined:\(member.id)\n") }
        case .left(let member):
            if self.showsPresence { wire.writeString("\(self.mark)left:\(member.id)\n") }
        case .replaced(let old, let new):
            if self.showsPresence { wire.writeString("\(self.mark)replaced:\(old.id):\(new.id)\n") }
        case .published(let publication):
            guard case .text(let text) = publication.payload else { return }
            wire.writeString("\(self.mark)\(publication.sender.id):\(String(buffer: text))\n")
        }
    }

    func encodeWelcome(for member: Member, in topic: some TopicView, into wire: inout ByteBuffer) {
        guard self.greets else { return }
        var names: [String] = []
        topic.forEachMember { names.append($0.id) }
        var said: [String] = []
        topic.forEachPublication { publication in
            guard case .text(let text) = publication.payload else { return }
            said.append(String(buffer: text))
        }
        wire.writeString("\(self.mark)welcome:\(names.joined(separator: ","))|\(said.joined(separator: ","))\n")
    }
}
