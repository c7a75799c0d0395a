import NIOCore
import Testing
import WebSocketProtocol

typealias Action = WebSocketConnection.ReceiveAction

/// The key that frames from the client carry in these tests: RFC 6455 §5.7's.
let testMask: UInt32 = 0x37fa_213d

/// A frame with any first byte and the shortest length encoding, as a test wants it, not as the rules do.
func frame(_ first: UInt8, _ payload: [UInt8] = [], mask: UInt32? = testMask) -> [UInt8] {
    let maskBit: UInt8 = mask == nil ? 0 : 0x80
    var bytes = [first]
    switch payload.count {
    case ...125: bytes.append(UInt8(payload.count) | maskBit)
    case ...0xffff:
        bytes.append(126 | maskBit)
        bytes += bigEndian(UInt16(payload.count))
    default:
        bytes.append(127 | maskBit)
        bytes += bigEndian(UInt64(payload.count))
    }
    guard let mask else { return bytes + payload }
    let key = bigEndian(mask)
    return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
}

func frame(_ first: UInt8, _ text: String, mask: UInt32? = testMask) -> [UInt8] {
    frame(first, Array(text.utf8), mask: mask)
}

func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}

/// A close frame's payload.
func close(_ code: UInt16, _ reason: String = "") -> [UInt8] {
    bigEndian(code) + Array(reason.utf8)
}

/// One end of a connection that is fed with bytes in pieces of any size.
struct Feed {
    var connection: WebSocketConnection
    var inflater: SharedInflater? = SharedInflater()
    private(set) var actions: [Action] = []

    init(_ setup: Setup = Setup()) {
        self.connection = WebSocketConnection(role: setup.role, limits: setup.limits, compression: setup.compression)
    }

    mutating func receive(_ bytes: some Sequence<UInt8>) {
        var input = ByteBuffer(bytes: bytes)
        while true {
            let action = self.connection.receive(&input, inflater: self.inflater)
            if action == .needsMoreInput { break }
            if action != .hasMoreInput { self.actions.append(action) }
        }
        #expect(input.readableBytes == 0)
    }
}

struct Setup: Sendable {
    var role = WebSocketRole.server
    var limits = WebSocketLimits()
    var compression: PerMessageDeflate?
}

/// The actions for `bytes`, after checking that they are the same for the whole, for two pieces split at every place
/// (at some places when there are many), and for single bytes.
func actions(
    for bytes: [UInt8],
    _ setup: Setup = Setup(),
    sourceLocation: SourceLocation = #_sourceLocation
) -> [Action] {
    var whole = Feed(setup)
    whole.receive(bytes)
    for split in stride(from: 0, through: bytes.count, by: max(1, bytes.count / 256)) {
        var parts = Feed(setup)
        parts.receive(bytes[..<split])
        parts.receive(bytes[split...])
        #expect(parts.actions == whole.actions, "split at \(split)", sourceLocation: sourceLocation)
        #expect(parts.connection.state == whole.connection.state, sourceLocation: sourceLocation)
        #expect(parts.connection.isMidMessage == whole.connection.isMidMessage, sourceLocation: sourceLocation)
    }
    var single = Feed(setup)
    for byte in bytes { single.receive(CollectionOfOne(byte)) }
    #expect(single.actions == whole.actions, "byte by byte", sourceLocation: sourceLocation)
    return whole.actions
}

extension Action {
    static func text(_ text: String) -> Action { .message(.text, ByteBuffer(string: text)) }
    static func binary(_ bytes: [UInt8]) -> Action { .message(.binary, ByteBuffer(bytes: bytes)) }

    var failure: WebSocketFailure? {
        if case .failed(let failure) = self { failure } else { nil }
    }
}
