internal import NIOCore

/// A stream of server-sent events: bytes go in as they come, complete events come out.
///
/// Identifiers and retry times are of no use here and ignored. Source: HTML Living Standard, §9.2.6 *Interpreting an event
/// stream*; what providers make of it is marked where it is taken care of.
struct ServerSentEvents: Sendable {
    struct Event: Equatable, Sendable {
        /// Of the field `event`; mostly empty.
        var name = ""
        var data: String
    }

    struct Failure: Error, Equatable {
        enum Reason: Sendable {
            case lineTooLong
            case eventTooLarge
            /// A line of JSON without a field name: whoever speaks is none who speaks of events.
            case strayJSON
        }

        let reason: Reason
        /// The limit in bytes; 0: none.
        var limit = 0
    }

    let maximumLineBytes: Int
    /// Of the data of one event, all its lines together.
    let maximumEventBytes: Int

    private var line: [UInt8] = []
    private var name: [UInt8] = []
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

    /// Some providers send a whole answer, or its logarithmic probabilities, in one line.
    init(maximumLineBytes: Int = 512 * 1024, maximumEventBytes: Int = 512 * 1024) {
        self.maximumLineBytes = maximumLineBytes
        self.maximumEventBytes = maximumEventBytes
    }

    /// - Returns: The events that `bytes` complete, in order.
    mutating func receive(_ bytes: ByteBuffer) throws(Failure) -> [Event] {
        var events: [Event] = []
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

    /// The stream has ended.
    /// - Returns: An event that has begun. The standard throws it away; there are providers that end without an empty line.
    mutating func finish() throws(Failure) -> Event? {
        if !self.line.isEmpty { _ = try self.endLine() }
        return self.endEvent()
    }

    /// - Returns: The event that this line ends, if it is an empty one and there was any data.
    private mutating func endLine() throws(Failure) -> Event? {
        defer { self.line.removeAll(keepingCapacity: true) }
        var line = self.line[...]
        if self.position == .firstLine, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        guard let first = line.first else { return self.endEvent() }
        // Some providers break off with an error in plain JSON.
        guard first != UInt8(ascii: "{") else { throw Failure(reason: .strayJSON) }
        // A line that begins with a colon is a comment: its field has no name.
        let colon = line.firstIndex(of: UInt8(ascii: ":"))
        let field = line[..<(colon ?? line.endIndex)]
        var value = colon.map { line[($0 + 1)...] } ?? []
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        if field.elementsEqual("data".utf8) {
            try self.append(value)
        } else if field.elementsEqual("event".utf8) {
            self.name = Array(value)
        } else if field.elementsEqual("error".utf8) {
            // No field of the standard: llama.cpp's server breaks off with it.
            self.name = Array(field)
            try self.append(value)
        }
        return nil
    }

    private mutating func append(_ value: ArraySlice<UInt8>) throws(Failure) {
        guard self.data.count + value.count < self.maximumEventBytes else {
            throw Failure(reason: .eventTooLarge, limit: self.maximumEventBytes)
        }
        if self.hasData { self.data.append(UInt8(ascii: "\n")) }
        self.data += value
        self.hasData = true
    }

    private mutating func endEvent() -> Event? {
        defer {
            self.name.removeAll(keepingCapacity: true)
            self.data.removeAll(keepingCapacity: true)
            self.hasData = false
        }
        let name = String(decoding: self.name, as: UTF8.self)
        // By the standard there is no event without data; an error is one all the same.
        guard self.hasData || name == "error" else { return nil }
        return Event(name: name, data: String(decoding: self.data, as: UTF8.self))
    }
}
