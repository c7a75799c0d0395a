internal import NIOCore

/// A stream of server-sent events: bytes go in as they come, the data of complete events comes out.
///
/// Names, identifiers and retry times of events are of no use here and ignored. Source: HTML Living Standard, §9.2.6
/// *Interpreting an event stream*.
struct ServerSentEvents: Sendable {
    struct Failure: Error, Equatable {
        enum Reason: Sendable {
            case lineTooLong
            case eventTooLarge
        }

        let reason: Reason
        /// The limit in bytes.
        let limit: Int
    }

    let maximumLineBytes: Int
    /// Of the data of one event, all its lines together.
    let maximumEventBytes: Int

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var position = Position.firstLine

    private enum Position {
        /// A byte order mark may stand here.
        case firstLine
        case line
        /// A line feed here belongs to the carriage return before it.
        case afterCarriageReturn
    }

    init(maximumLineBytes: Int = 64 * 1024, maximumEventBytes: Int = 256 * 1024) {
        self.maximumLineBytes = maximumLineBytes
        self.maximumEventBytes = maximumEventBytes
    }

    /// An event that has begun when the stream ends is none: there is nothing to call then.
    /// - Returns: The data of the events that `bytes` complete, in order.
    mutating func receive(_ bytes: ByteBuffer) throws(Failure) -> [String] {
        var events: [String] = []
        for byte in bytes.readableBytesView {
            if self.position == .afterCarriageReturn {
                self.position = .line
                if byte == UInt8(ascii: "\n") { continue }
            }
            switch byte {
            case UInt8(ascii: "\r"):
                if let event = try self.endLine() { events.append(event) }
                self.position = .afterCarriageReturn
            case UInt8(ascii: "\n"):
                if let event = try self.endLine() { events.append(event) }
                self.position = .line
            default:
                guard self.line.count < self.maximumLineBytes else {
                    throw Failure(reason: .lineTooLong, limit: self.maximumLineBytes)
                }
                self.line.append(byte)
            }
        }
        return events
    }

    /// - Returns: The data of the event that this line ends, if it is an empty one and there was any data.
    private mutating func endLine() throws(Failure) -> String? {
        defer { self.line.removeAll(keepingCapacity: true) }
        var line = self.line[...]
        if self.position == .firstLine, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        guard !line.isEmpty else { return self.endEvent() }
        // A line that begins with a colon is a comment: its field has no name.
        let colon = line.firstIndex(of: UInt8(ascii: ":"))
        guard line[..<(colon ?? line.endIndex)].elementsEqual("data".utf8) else { return nil }
        var value = colon.map { line[($0 + 1)...] } ?? []
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        guard self.data.count + value.count < self.maximumEventBytes else {
            throw Failure(reason: .eventTooLarge, limit: self.maximumEventBytes)
        }
        if self.hasData { self.data.append(UInt8(ascii: "\n")) }
        self.data += value
        self.hasData = true
        return nil
    }

    private mutating func endEvent() -> String? {
        guard self.hasData else { return nil }
        defer {
            self.data.removeAll(keepingCapacity: true)
            self.hasData = false
        }
        return String(decoding: self.data, as: UTF8.self)
    }
}
