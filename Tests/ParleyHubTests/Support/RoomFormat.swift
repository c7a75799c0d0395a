import NIOCore
import ParleyModel
import Synchronization

@testable import ParleyHub

/// The simplest format that tells snapshots: one line with what is retained, and who is there: `alice:hi,bob:ho|alice,bob`.
final class RoomFormat: SnapshotFormat {
    let dialect = DialectName.sessionChat
    private let renderings = Mutex(0)

    /// How many lines have been rendered.
    var renderingCount: Int { self.renderings.withLock { $0 } }

    func encode(_ event: TopicEvent, in topic: some TopicView, into wire: inout ByteBuffer) {}
    func encodeWelcome(for member: Member, in topic: some TopicView, into wire: inout ByteBuffer) {}

    func encodeLine(_ publication: Publication, into lines: inout ByteBuffer) {
        self.renderings.withLock { $0 += 1 }
        guard case .text(let text) = publication.payload else { return }
        lines.writeString(",\(publication.sender.id):\(String(buffer: text))")
    }

    func encodeSnapshot(of topic: some TopicView, lines: ByteBuffer, into wire: inout ByteBuffer) {
        var names: [String] = []
        topic.forEachMember { names.append($0.id) }
        wire.writeBytes(lines.readableBytesView.dropFirst())
        wire.writeString("|\(names.joined(separator: ","))\n")
    }
}
