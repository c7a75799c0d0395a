package import NIOCore

extension ByteBuffer {
    /// Writes a command as servers of all versions read it: an array of strings (RESP2, "Sending commands to a Redis server").
    ///
    /// - Parameters:
    ///   - name: The first argument, `SET`.
    ///   - count: How many arguments `write` writes behind the name.
    package mutating func writeRESPCommand(
        _ name: StaticString,
        count: Int,
        _ write: (inout RESPArgumentWriter) -> Void
    ) {
        var writer = RESPArgumentWriter(self, count: count)
        // Nobody else may hold these bytes, or the writer would write a copy of them.
        self = ByteBuffer()
        writer.write(name)
        write(&writer)
        self = writer.finish()
    }

    /// The beginning of a command whose other arguments are there as bytes already.
    package mutating func writeRESPCommandHead(_ name: StaticString, _ argument: String, furtherArguments: Int) {
        var writer = RESPArgumentWriter(self, count: furtherArguments + 1)
        self = ByteBuffer()
        writer.write(name)
        writer.write(argument)
        self = writer.unfinished()
    }
}

/// Writes arguments of one command straight into the bytes that are sent.
package struct RESPArgumentWriter {
    private var buffer: ByteBuffer
    private var missing: Int

    private let start: Int

    init(_ buffer: ByteBuffer, count: Int) {
        self.buffer = buffer
        self.start = buffer.writerIndex
        self.missing = count + 1
        self.writeHead("*", count + 1)
    }

    consuming func finish() -> ByteBuffer {
        // A server would take the rest from the next command, or wait for it.
        precondition(self.missing == 0, "a command has \(self.missing) arguments less than it was said to have")
        return self.buffer
    }

    consuming func unfinished() -> ByteBuffer { self.buffer }

    /// Of this command so far.
    package var writtenBytes: Int { self.buffer.writerIndex - self.start }

    package mutating func write(_ text: StaticString) {
        self.missing -= 1
        self.writeHead("$", text.utf8CodeUnitCount)
        self.buffer.writeStaticString(text)
        self.writeEnd()
    }

    package mutating func write(_ text: String) {
        self.missing -= 1
        self.writeHead("$", text.utf8.count)
        self.buffer.writeString(text)
        self.writeEnd()
    }

    package mutating func write(_ bytes: ByteBuffer) {
        self.missing -= 1
        self.writeHead("$", bytes.readableBytes)
        self.buffer.writeImmutableBuffer(bytes)
        self.writeEnd()
    }

    package mutating func write(_ bytes: some Collection<UInt8>) {
        self.missing -= 1
        self.writeHead("$", bytes.count)
        self.buffer.writeBytes(bytes)
        self.writeEnd()
    }

    package mutating func write(_ number: some BinaryInteger) {
        self.missing -= 1
        let digits = RESPDigits(Int64(clamping: number))
        self.writeHead("$", digits.count)
        digits.write(into: &self.buffer)
        self.writeEnd()
    }

    private mutating func writeHead(_ type: Unicode.Scalar, _ number: Int) {
        self.buffer.writeInteger(UInt8(ascii: type))
        RESPDigits(Int64(number)).write(into: &self.buffer)
        self.writeEnd()
    }

    private mutating func writeEnd() {
        self.buffer.writeInteger(UInt16(0x0D0A))
    }
}
