/// A stream of server-sent events: bytes go in as they come, complete events come out.
///
/// Identifiers and retry times are of no use here and ignored. Source: HTML Living Standard, §9.2.6 *Interpreting an event
/// stream*.
package struct ServerSentEvents: Sendable {
    package struct Event: Equatable, Sendable {
        /// Of the field `event`; mostly empty.
        package var name: String
        package var data: String

        package init(name: String = "", data: String) {
            self.name = name
            self.data = data
        }
    }

    package struct Failure: Error, Equatable {
        package enum Reason: Sendable {
            case lineTooLong
            case eventTooLarge
            /// A line of JSON without a field name: whoever speaks is none who speaks of events. With ``Rules/lenient`` alone.
            case strayJSON
        }

        package let reason: Reason
        /// The limit in bytes; 0: none.
        package let limit: Int

        package init(reason: Reason, limit: Int = 0) {
            self.reason = reason
            self.limit = limit
        }
    }

    package enum Rules: Sendable {
        /// The standard's.
        case standard
        /// What providers of chat completions make of it: an event `error` needs no data; a field `error` is an event of that
        /// name; a line that begins with `{` is an error in plain JSON; what has begun when the stream ends is an event.
        case lenient
    }

    private let rules: Rules
    private let maximumLineBytes: Int
    private let maximumEventBytes: Int

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

    /// - Parameters:
    ///   - maximumLineBytes: Generous, as some providers send a whole answer, or its logarithmic probabilities, in one line.
    ///   - maximumEventBytes: Of the data of one event, all its lines together.
    package init(
        rules: Rules = .standard,
        maximumLineBytes: Int = 512 * 1024,
        maximumEventBytes: Int = 512 * 1024
    ) {
        self.rules = rules
        self.maximumLineBytes = maximumLineBytes
        self.maximumEventBytes = maximumEventBytes
    }

    /// - Returns: The events that `bytes` complete, in order.
    package mutating func receive(_ bytes: some Sequence<UInt8>) throws(Failure) -> [Event] {
        // In one piece nearly always: its bytes are looked at without an iterator that this module cannot know.
        let result = bytes.withContiguousStorageIfAvailable { bytes in
            Result { () throws(Failure) in try self.receive(UnsafeRawBufferPointer(bytes)) }
        }
        if let result { return try result.get() }
        var events: [Event] = []
        for byte in bytes {
            if let event = try self.receive(byte) { events.append(event) }
        }
        return events
    }

    private mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            if let event = try self.receive(byte) { events.append(event) }
        }
        return events
    }

    private mutating func receive(_ byte: UInt8) throws(Failure) -> Event? {
        if self.position == .afterCarriageReturn {
            self.position = .line
            if byte == UInt8(ascii: "\n") { return nil }
        }
        switch byte {
        case UInt8(ascii: "\r"):
            let event = try self.endLine()
            self.position = .afterCarriageReturn
            return event
        case UInt8(ascii: "\n"):
            let event = try self.endLine()
            self.position = .line
            return event
        default:
            guard self.line.count < self.maximumLineBytes else {
                throw Failure(reason: .lineTooLong, limit: self.maximumLineBytes)
            }
            self.line.append(byte)
            return nil
        }
    }

    /// The stream has ended.
    /// - Returns: With ``Rules/lenient`` an event that has begun, as there are providers that end without an empty line. The
    ///   standard throws it away.
    package mutating func finish() throws(Failure) -> Event? {
        guard self.rules == .lenient else { return nil }
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
        guard self.rules == .standard || first != UInt8(ascii: "{") else { throw Failure(reason: .strayJSON) }
        // A line that begins with a colon is a comment: its field has no name.
        let colon = line.firstIndex(of: UInt8(ascii: ":"))
        let field = line[..<(colon ?? line.endIndex)]
        var value = colon.map { line[($0 + 1)...] } ?? []
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        if field.elementsEqual("data".utf8) {
            try self.append(value)
        } else if field.elementsEqual("event".utf8) {
            self.name = Array(value)
        } else if self.rules == .lenient, field.elementsEqual("error".utf8) {
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
        // By the standard there is no event without data.
        guard self.hasData || self.rules == .lenient && name == "error" else { return nil }
        return Event(name: name, data: String(decoding: self.data, as: UTF8.self))
    }
}
