internal import ParleyModel

/// Bounds a request head while it arrives, before anything of it is kept or parsed.
///
/// Checked here is what the HTTP parser cannot tell apart or lets pass: the length of the request line, of the block and
/// the number of fields, and folded lines (RFC 9112 §5.2, which servers must reject or replace).
struct RequestHeadScanner: Equatable {
    static let maximumRequestLineBytes = 8 * 1024
    /// Of a header block.
    static let usualMaximumHeaderBytes = 16 * 1024
    /// Where applications behind session backends have cookies and tokens of their own.
    static let proxyMaximumHeaderBytes = 64 * 1024
    static let maximumHeaderFields = 100

    enum Verdict: Equatable {
        case incomplete
        /// The head is complete and within its bounds.
        case complete
        case refuse(Refusal)
    }

    private let maximumHeaderBytes: Int
    private var requestLineBytes = 0
    private var headerBytes = 0
    private var fields = 0
    private var isInRequestLine = true
    private var lineBytes = 0
    private var isCarriageReturnLast = false
    /// Where the head ended in the bytes that made it complete.
    private(set) var end = 0

    init(maximumHeaderBytes: Int = Self.usualMaximumHeaderBytes) {
        self.maximumHeaderBytes = maximumHeaderBytes
    }

    /// Whether nothing has come yet.
    var isFresh: Bool { self.isInRequestLine && self.requestLineBytes == 0 && !self.isCarriageReturnLast }

    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        for (offset, byte) in bytes.enumerated() {
            if self.isInRequestLine {
                self.requestLineBytes += 1
                if self.requestLineBytes > Self.maximumRequestLineBytes { return .refuse(.requestLineTooLong) }
                if byte == UInt8(ascii: "\n") {
                    // Empty lines before a request are allowed (RFC 9112 §2.2).
                    let isEmpty = self.requestLineBytes <= (self.isCarriageReturnLast ? 2 : 1)
                    self.isInRequestLine = isEmpty
                    if isEmpty { self.requestLineBytes = 0 }
                }
            } else {
                self.headerBytes += 1
                if self.headerBytes > self.maximumHeaderBytes { return .refuse(.headersTooLarge) }
                if byte == UInt8(ascii: "\n") {
                    if self.lineBytes == (self.isCarriageReturnLast ? 1 : 0) {
                        self = RequestHeadScanner(maximumHeaderBytes: self.maximumHeaderBytes)
                        self.end = offset + 1
                        return .complete
                    }
                    self.fields += 1
                    if self.fields > Self.maximumHeaderFields { return .refuse(.headersTooLarge) }
                    self.lineBytes = 0
                } else {
                    if self.lineBytes == 0, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
                        return .refuse(.badRequest)
                    }
                    self.lineBytes += 1
                }
            }
            self.isCarriageReturnLast = byte == UInt8(ascii: "\r")
        }
        return .incomplete
    }
}
