internal import NIOCore
internal import ParleyModel
internal import ParleyText

/// Stands before the HTTP parser and lets no request head through that breaks a bound.
///
/// It looks at bytes only while a head is awaited. A head that begins in the middle of a read, behind another request, has
/// only the parser's own bounds, which are no wider in sum.
final class RequestHeadGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Phase {
        case awaitingHead(RequestHeadScanner)
        case passing
        case discarding
    }

    private let maximumHeaderBytes: Int
    /// Whether the latest request that was scanned begins with something that could be a method.
    private(set) var beginsWithToken = false
    private var phase: Phase

    init(maximumHeaderBytes: Int) {
        self.maximumHeaderBytes = maximumHeaderBytes
        self.phase = .awaitingHead(RequestHeadScanner(maximumHeaderBytes: maximumHeaderBytes))
    }

    /// The next bytes begin a request.
    func expectHead() {
        guard case .passing = self.phase else { return }
        self.phase = .awaitingHead(RequestHeadScanner(maximumHeaderBytes: self.maximumHeaderBytes))
    }

    /// Whatever comes now is nobody's.
    func discard() { self.phase = .discarding }

    /// Whether part of a request has come, so that somebody waits for an answer.
    var hasPartialHead: Bool {
        guard case .awaitingHead(let scanner) = self.phase else { return true }
        return !scanner.isFresh
    }

    /// Keeps bytes of a head that are no text, which the parser would lose; see ``HeaderBytes``.
    private static func textual(_ input: ByteBuffer, length: Int) -> ByteBuffer {
        if input.withUnsafeReadableBytes({ UnsafeRawBufferPointer(rebasing: $0[..<length]).isASCII }) { return input }
        var rest = input
        guard let head = rest.readSlice(length: length), var escaped = HeaderBytes.escape(head) else { return input }
        escaped.writeImmutableBuffer(rest)
        return escaped
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.phase {
        case .awaitingHead(var scanner):
            var input = self.unwrapInboundIn(data)
            if scanner.isFresh { self.beginsWithToken = Self.beginsWithToken(input.readableBytesView) }
            let verdict = input.withUnsafeReadableBytes { scanner.scan($0) }
            if let offset = scanner.higherMinorVersion {
                // The parser knows no such version.
                input.setInteger(UInt8(ascii: "1"), at: input.readerIndex + offset)
            }
            switch verdict {
            case .incomplete:
                self.phase = .awaitingHead(scanner)
                context.fireChannelRead(self.wrapInboundOut(Self.textual(input, length: input.readableBytes)))
            case .complete:
                self.phase = .passing
                context.fireChannelRead(self.wrapInboundOut(Self.textual(input, length: scanner.end)))
            case .refuse(let refusal):
                self.phase = .discarding
                context.fireErrorCaught(refusal)
            }
        case .passing:
            context.fireChannelRead(data)
        case .discarding:
            break
        }
    }

    /// A token (RFC 9110 §5.6.2) in capitals and a blank.
    private static func beginsWithToken(_ bytes: ByteBufferView) -> Bool {
        let token = bytes.prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "-") }
        return !token.isEmpty && bytes.dropFirst(token.count).first == UInt8(ascii: " ")
    }
}
