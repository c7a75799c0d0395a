internal import ParleyText

/// Tells the heads of a response from its body, for those who have something to do with bytes of heads before a parser sees
/// them: an interim response (1xx) is followed by another head, the final one, or one that changes the protocol, is not.
public struct ResponseHeads: Equatable, Sendable {
    /// Whether the next byte belongs to a head.
    public private(set) var isInHead = false
    private var isInStatusLine = true
    /// But for what ends it.
    private var isLineEmpty = true
    private var hasSpace = false
    private var status = 0
    private var digits = 0

    public init() {}

    /// The next bytes begin a response.
    public mutating func expectHead() {
        self = ResponseHeads()
        self.isInHead = true
    }

    /// - Returns: How many bytes from the first belong to heads.
    public mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        while self.isInHead, offset < bytes.count {
            let lineFeed = bytes.firstOffset(of: UInt8(ascii: "\n"), from: offset)
            let line = offset..<(lineFeed ?? bytes.count)
            if self.isInStatusLine { self.scanStatus(bytes, line) }
            if self.isLineEmpty { self.isLineEmpty = line.allSatisfy { bytes[$0] == UInt8(ascii: "\r") } }
            guard let lineFeed else { return bytes.count }
            offset = lineFeed + 1
            self.lineEnded()
        }
        return offset
    }

    private mutating func scanStatus(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) {
        for offset in line {
            let byte = bytes[offset]
            if byte == UInt8(ascii: " ") {
                self.hasSpace = true
            } else if self.hasSpace, self.digits < 3, byte != UInt8(ascii: "\r") {
                self.status = self.status * 10 + Int(byte & 0x0F)
                self.digits += 1
            }
        }
    }

    private mutating func lineEnded() {
        let isEmpty = self.isLineEmpty
        self.isLineEmpty = true
        if self.isInStatusLine {
            self.isInStatusLine = isEmpty
        } else if isEmpty {
            let isInterim = (100..<200).contains(self.status) && self.status != 101
            self = ResponseHeads()
            self.isInHead = isInterim
        }
    }
}
