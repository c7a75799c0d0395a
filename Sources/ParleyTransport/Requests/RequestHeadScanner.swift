internal import ParleyModel
internal import ParleyText

/// Bounds a request head while it arrives, before anything of it is kept or parsed.
///
/// Checked here is what the HTTP parser cannot tell apart or lets pass: the length of the request line, of the block and
/// the number of fields, folded lines (RFC 9112 §5.2, which servers must reject or replace), lines that end without a CR (§2.2),
/// and versions that are to be read as the highest one known (RFC 9110 §2.5).
package struct RequestHeadScanner: Equatable {
    static let maximumRequestLineBytes = 8 * 1024
    /// Of a header block.
    package static let usualMaximumHeaderBytes = 16 * 1024
    /// Where applications behind session backends have cookies and tokens of their own.
    package static let proxyMaximumHeaderBytes = 64 * 1024
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
        var offset = 0
        while offset < bytes.count {
            let lineFeed = bytes.firstOffset(of: UInt8(ascii: "\n"), from: offset)
            let end = lineFeed.map { $0 + 1 } ?? bytes.count
            let verdict =
                self.isInRequestLine
                ? self.scanRequestLine(bytes, offset..<end, isEnded: lineFeed != nil)
                : self.scanField(bytes, offset..<end, isEnded: lineFeed != nil)
            guard case .incomplete = verdict else { return verdict }
            offset = end
        }
        return .incomplete
    }

    /// - Parameter range: Not empty; what has come of the line.
    private mutating func scanRequestLine(
        _ bytes: UnsafeRawBufferPointer,
        _ range: Range<Int>,
        isEnded: Bool
    ) -> Verdict {
        self.requestLineBytes += range.count
        if self.requestLineBytes > Self.maximumRequestLineBytes { return .refuse(.requestLineTooLong) }
        var recent = self.recent
        for offset in range {
            let byte = bytes[offset]
            if recent == Self.versionPrefix, (UInt8(ascii: "2")...UInt8(ascii: "9")).contains(byte) {
                self.higherMinorVersion = offset
            }
            recent = recent << 8 | UInt64(byte)
        }
        self.recent = recent
        let hasCarriageReturn = self.passCarriageReturn(bytes, range, isEnded: isEnded)
        guard isEnded else { return .incomplete }
        // Empty lines before a request are allowed (RFC 9112 §2.2).
        let isEmpty = self.requestLineBytes <= (hasCarriageReturn ? 2 : 1)
        guard isEmpty || hasCarriageReturn else { return .refuse(.bareLineFeed) }
        self.isInRequestLine = isEmpty
        if isEmpty { self.requestLineBytes = 0 }
        return .incomplete
    }

    /// - Parameter range: Not empty; what has come of the line.
    private mutating func scanField(
        _ bytes: UnsafeRawBufferPointer,
        _ range: Range<Int>,
        isEnded: Bool
    ) -> Verdict {
        let isFolded = self.lineBytes == 0 && bytes[range.lowerBound].isOptionalWhiteSpace
        if isFolded, self.headerBytes < self.maximumHeaderBytes { return .refuse(.badRequest) }
        self.headerBytes += range.count
        if self.headerBytes > self.maximumHeaderBytes { return .refuse(.headersTooLarge) }
        let hasCarriageReturn = self.passCarriageReturn(bytes, range, isEnded: isEnded)
        self.lineBytes += range.count
        guard isEnded else { return .incomplete }
        guard hasCarriageReturn else { return .refuse(.bareLineFeed) }
        if self.lineBytes == 2 {
            let higherMinorVersion = self.higherMinorVersion
            self = RequestHeadScanner(maximumHeaderBytes: self.maximumHeaderBytes)
            self.end = range.upperBound
            self.higherMinorVersion = higherMinorVersion
            return .complete
        }
        self.fields += 1
        if self.fields > Self.maximumHeaderFields { return .refuse(.headersTooLarge) }
        self.lineBytes = 0
        return .incomplete
    }

    /// - Returns: Whether a line that is ended has a CR before its LF.
    private mutating func passCarriageReturn(
        _ bytes: UnsafeRawBufferPointer,
        _ range: Range<Int>,
        isEnded: Bool
    ) -> Bool {
        let last = range.upperBound - (isEnded ? 2 : 1)
        let isLast = last < range.lowerBound ? self.isCarriageReturnLast : bytes[last] == UInt8(ascii: "\r")
        self.isCarriageReturnLast = isLast && !isEnded
        return isLast
    }
}
