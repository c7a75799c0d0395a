import WebSocketProtocol

/// A setup and what the peer sends, with one encoding for generated cases and files: see README.
struct FuzzCase {
    static let headerBytes = 3

    var bytes: [UInt8]

    var role: WebSocketRole { self.flag(0) ? .client : .server }

    var compression: PerMessageDeflate? {
        guard self.flag(1) else { return nil }
        let takeover = self.flag(2)
        return PerMessageDeflate(serverNoContextTakeover: !takeover, clientNoContextTakeover: !takeover)
    }

    var limits: WebSocketLimits {
        switch (self.setup >> 3) & 3 {
        case 0: WebSocketLimits()
        case 1: WebSocketLimits(maximumFrameBytes: 100, maximumMessageBytes: 300, maximumFragments: 4)
        case 2: WebSocketLimits(maximumMessageBytes: 1)
        default: WebSocketLimits(maximumMessageBytes: .max, maximumFragments: 0)
        }
    }

    /// After how many bytes of the stream we begin to close.
    var closesAfter: Int? {
        guard self.flag(5), self.bytes.count >= Self.headerBytes else { return nil }
        return min(Int(self.bytes[1]) << 8 | Int(self.bytes[2]), self.stream.count)
    }

    var stream: ArraySlice<UInt8> { self.bytes.dropFirst(Self.headerBytes) }

    private var setup: UInt8 { self.bytes.first ?? 0 }

    private func flag(_ bit: UInt8) -> Bool { self.setup & (1 << bit) != 0 }
}
