/// Tells the heads of a response from its body, for those who have something to do with bytes of heads before a parser sees
/// them: an interim response (1xx) is followed by another head, the final one, or one that changes the protocol, is not.
public struct ResponseHeads: Equatable, Sendable {
    /// Whether the next byte belongs to a head.
    public private(set) var isInHead = false
    private var isInStatusLine = true
    private var lineBytes = 0
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
        guard self.isInHead else { return 0 }
        for (offset, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "\r"): continue
            case UInt8(ascii: "\n"):
                let isEmpty = self.lineBytes == 0
                self.lineBytes = 0
                if self.isInStatusLine {
                    self.isInStatusLine = isEmpty
                } else if isEmpty {
                    let isInterim = (100..<200).contains(self.status) && self.status != 101
                    self = ResponseHeads()
                    self.isInHead = isInterim
                    if !isInterim { return offset + 1 }
                }
            default:
                self.lineBytes += 1
                guard self.isInStatusLine else { continue }
                if byte == UInt8(ascii: " ") {
                    self.hasSpace = true
                } else if self.hasSpace, self.digits < 3 {
                    self.status = self.status * 10 + Int(byte & 0x0F)
                    self.digits += 1
                }
            }
        }
        return bytes.count
    }
}
