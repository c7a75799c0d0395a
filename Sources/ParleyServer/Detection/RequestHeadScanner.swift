internal import ParleyModel

/// Bounds a request head while it arrives, before anything of it is kept or parsed.
///
/// Checked here is what the HTTP parser cannot tell apart or lets pass: the length of the request line, of the block and
/// the number of fields, folded lines (RFC 9112 §5.2, which servers must reject or replace), lines that end without a CR (§2.2),
/// and versions that are to be read as the highest one known (RFC 9110 §2.5).
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
    /// The latest eight bytes of the request line.
    private var recent: UInt64 = 0
    /// Where the head ended in the bytes that made it complete.
    private(set) var end = 0
    /// Where in the latest bytes a minor version stands that is higher than 1: such a request is one of HTTP/1.1.
    private(set) var higherMinorVersion: Int?

    /// ` HTTP/1.`
    private static let versionPrefix: UInt64 = 0x2048_5454_502F_312E

    init(maximumHeaderBytes: Int = Self.usualMaximumHeaderBytes) {
        self.maximumHeaderBytes = maximumHeaderBytes
    }

    /// Whether nothing has come yet.
    var isFresh: Bool { self.isInRequestLine && self.requestLineBytes == 0 && !self.isCarriageReturnLast }

    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        self.higherMinorVersion = nil
        for (offset, byte) in bytes.enumerated() {
            if self.isInRequestLine {
                self.requestLineBytes += 1
                if self.requestLineBytes > Self.maximumRequestLineBytes { return .refuse(.requestLineTooLong) }
                if self.recent == Self.versionPrefix, (UInt8(ascii: "2")...UInt8(ascii: "9")).contains(byte) {
                    self.higherMinorVersion = offset
                }
                self.recent = self.recent << 8 | UInt64(byte)
                if byte == UInt8(ascii: "\n") {
                    // Empty lines before a request are allowed (RFC 9112 §2.2).
                    let isEmpty = self.requestLineBytes <= (self.isCarriageReturnLast ? 2 : 1)
                    guard isEmpty || self.isCarriageReturnLast else { return .refuse(.bareLineFeed) }
                    self.isInRequestLine = isEmpty
                    if isEmpty { self.requestLineBytes = 0 }
                }
            } else {
                self.headerBytes += 1
                if self.headerBytes > self.maximumHeaderBytes { return .refuse(.headersTooLarge) }
                if byte == UInt8(ascii: "\n") {
                    guard self.isCarriageReturnLast else { return .refuse(.bareLineFeed) }
                    if self.lineBytes == 1 {
                        let higherMinorVersion = self.higherMinorVersion
                        self = RequestHeadScanner(maximumHeaderBytes: self.maximumHeaderBytes)
                        self.end = offset + 1
                        self.higherMinorVersion = higherMinorVersion
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
