package import NIOCore

/// Reads values from bytes as they arrive, however they are cut.
///
/// What it has read of an unfinished value it does not read again, and it remembers where it is in a stack of its own: neither many
/// pieces nor deep nesting cost more than their bytes.
package struct RESPParser: Sendable {
    private enum Expectation {
        /// A line that begins with a type. So many bytes are known to have no end of line.
        case line(scanned: Int)
        /// The bytes of a string that was announced, and an end of line.
        case string(StringKind, count: Int)
    }

    private let limits: RESPLimits
    private var buffer = ByteBuffer()
    private var expectation = Expectation.line(scanned: 0)
    private var stack: [RESPFrame] = []
    /// Of the value that is being read.
    private var valueBytes = 0
    private var elements = 0
    private var failure: RESPError?

    package init(limits: RESPLimits = RESPLimits()) {
        self.limits = limits
    }

    /// What has arrived and is in no value yet, in bytes.
    package var bufferedBytes: Int {
        guard case .string(_, let count) = self.expectation else { return self.buffer.readableBytes + self.valueBytes }
        return self.buffer.readableBytes + self.valueBytes - count - 2
    }

    package mutating func receive(_ bytes: ByteBuffer) {
        guard self.failure == nil else { return }
        if self.buffer.readableBytes == 0 {
            self.buffer = bytes
            return
        }
        // What was read goes when it is the larger part, so that moving the rest costs no more than reading it did.
        if self.buffer.readerIndex > self.buffer.readableBytes { self.buffer.discardReadBytes() }
        var bytes = bytes
        self.buffer.writeBuffer(&bytes)
    }

    /// - Returns: `nil` when more bytes are needed.
    /// - Throws: What is wrong, and the same from then on.
    package mutating func next() throws(RESPError) -> RESPValue? {
        if let failure = self.failure { throw failure }
        do throws(RESPError) {
            while let token = try self.readToken() {
                if let value = try self.take(token) {
                    self.valueBytes = 0
                    self.elements = 0
                    return value
                }
            }
        } catch {
            self.failure = error
            self.expectation = .line(scanned: 0)
            self.valueBytes = 0
            self.buffer = ByteBuffer()
            self.stack = []
            throw error
        }
        // Slices of it may be held elsewhere: an empty one that shares their memory would be copied at the next write.
        if self.buffer.readableBytes == 0 { self.buffer = ByteBuffer() }
        return nil
    }

    // MARK: Values from tokens

    /// - Returns: The value that is complete with the token.
    private mutating func take(_ token: RESPToken) throws(RESPError) -> RESPValue? {
        var value: RESPValue
        switch token {
        case .value(let scalar):
            if case .chunks? = self.stack.last?.kind {
                throw RESPError(.misplaced, "expected the next piece of a streamed string, got another value")
            }
            value = scalar
        case .begin(let kind, let count):
            if case .chunks? = self.stack.last?.kind {
                throw RESPError(.misplaced, "expected the next piece of a streamed string, got another value")
            }
            let frame = RESPFrame(kind, count: count)
            guard frame.isComplete else {
                guard self.stack.count < self.limits.maximumDepth else {
                    throw RESPError(.tooDeep, "values are nested more than \(self.limits.maximumDepth) deep")
                }
                self.stack.append(frame)
                return nil
            }
            value = try frame.value()
        case .chunk(let bytes):
            guard case .chunks? = self.stack.last?.kind else {
                throw RESPError(.misplaced, "a piece of a streamed string came without its beginning")
            }
            guard bytes.readableBytes > 0 else {
                value = try self.stack.removeLast().value()
                break
            }
            self.stack[self.stack.count - 1].append(bytes)
            return nil
        case .endOfStream:
            guard let frame = self.stack.last, frame.isStreamed, frame.kind != .chunks else {
                throw RESPError(.misplaced, "an end came without a stream that it ends")
            }
            value = try self.stack.removeLast().value()
        }
        return try self.fold(value)
    }

    /// Puts a value where it belongs, and what it completes as well.
    private mutating func fold(_ value: RESPValue) throws(RESPError) -> RESPValue? {
        var value = value
        while !self.stack.isEmpty {
            self.elements += 1
            guard self.elements <= self.limits.maximumElements else { throw self.tooManyElements }
            self.stack[self.stack.count - 1].append(value)
            guard self.stack[self.stack.count - 1].isComplete else { return nil }
            value = try self.stack.removeLast().value()
        }
        return value
    }

    private var tooManyElements: RESPError {
        RESPError(.tooManyElements, "a value has more than \(self.limits.maximumElements) others in it")
    }

    // MARK: Tokens from bytes

    private mutating func readToken() throws(RESPError) -> RESPToken? {
        switch self.expectation {
        case .string(let kind, let count):
            return try self.readString(kind, count)
        case .line(let scanned):
            guard let line = try self.readLine(scanned: scanned) else { return nil }
            try self.count(line.readableBytes + 2)
            let head = try RESPLine(line)
            switch head {
            case .token(let token):
                if case .begin(_, let count?) = token, self.elements + count > self.limits.maximumElements {
                    throw self.tooManyElements
                }
                return token
            case .string(let kind, let count):
                guard count <= self.limits.maximumStringBytes else {
                    throw RESPError(
                        .stringTooLong,
                        "a string has \(count) bytes; at most \(self.limits.maximumStringBytes) are taken"
                    )
                }
                try self.count(count + 2)
                self.expectation = .string(kind, count: count)
                return try self.readString(kind, count)
            }
        }
    }

    /// - Returns: A line without its end; `nil` when it is not there yet.
    private mutating func readLine(scanned: Int) throws(RESPError) -> ByteBuffer? {
        let end = self.buffer.withUnsafeReadableBytes { bytes in
            bytes[scanned...].firstIndex(of: UInt8(ascii: "\n"))
        }
        guard let end else {
            guard self.buffer.readableBytes <= self.limits.maximumLineBytes else { throw self.lineTooLong }
            self.expectation = .line(scanned: self.buffer.readableBytes)
            return nil
        }
        guard end <= self.limits.maximumLineBytes else { throw self.lineTooLong }
        guard let line = self.buffer.readSlice(length: end + 1) else { return nil }
        self.expectation = .line(scanned: 0)
        guard end > 0, line.getInteger(at: line.readerIndex + end - 1, as: UInt8.self) == UInt8(ascii: "\r"),
            let content = line.getSlice(at: line.readerIndex, length: end - 1)
        else { throw RESPError(.missingLineEnd, "expected CR LF at the end of a line, got LF alone") }
        return content
    }

    private var lineTooLong: RESPError {
        RESPError(.lineTooLong, "a line has more than \(self.limits.maximumLineBytes) bytes")
    }

    private mutating func readString(_ kind: StringKind, _ count: Int) throws(RESPError) -> RESPToken? {
        guard self.buffer.readableBytes >= count + 2, let string = self.buffer.readSlice(length: count),
            let end = self.buffer.readInteger(as: UInt16.self)
        else { return nil }
        guard end == 0x0D0A else {
            throw RESPError(.missingLineEnd, "expected CR LF behind the \(count) bytes of a string, got something else")
        }
        self.expectation = .line(scanned: 0)
        return try kind.token(string)
    }

    /// Adds to the size of the value that is being read, before its bytes are there.
    private mutating func count(_ bytes: Int) throws(RESPError) {
        self.valueBytes += bytes
        guard self.valueBytes <= self.limits.maximumValueBytes else {
            throw RESPError(.valueTooLarge, "a value has more than \(self.limits.maximumValueBytes) bytes")
        }
    }
}
