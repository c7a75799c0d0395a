package import NIOCore

/// One of the 16,384 parts of the keys of a Redis Cluster.
///
/// Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model
package struct RedisSlot: Sendable, Hashable, Comparable {
    package static let count = 16_384

    package let number: UInt16

    /// - Returns: `nil` for a number that no slot has.
    package init?(_ number: Int) {
        guard (0..<Self.count).contains(number) else { return nil }
        self.number = UInt16(number)
    }

    /// The slot of a key, or of a channel for sharded messages: of what stands in its first pair of braces, if there is anything.
    package init(ofKey key: some BidirectionalCollection<UInt8>) {
        let tag = Self.tag(of: key)
        self.number = Self.crc16(tag) % UInt16(Self.count)
    }

    package init(ofKey key: String) {
        self.init(ofKey: key.utf8)
    }

    package init(ofKey key: ByteBuffer) {
        self.init(ofKey: key.readableBytesView)
    }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.number < rhs.number }

    private static func tag<Key: BidirectionalCollection<UInt8>>(of key: Key) -> Key.SubSequence {
        guard let open = key.firstIndex(of: UInt8(ascii: "{")) else { return key[...] }
        let rest = key[key.index(after: open)...]
        guard let close = rest.firstIndex(of: UInt8(ascii: "}")), close > rest.startIndex else { return key[...] }
        return rest[..<close]
    }

    /// CRC-16/XMODEM: polynomial 0x1021, from 0.
    static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
        var crc: UInt16 = 0
        for byte in bytes {
            crc = (crc << 8) ^ Self.table[Int(UInt8(truncatingIfNeeded: crc >> 8) ^ byte)]
        }
        return crc
    }

    private static let table: [UInt16] = (0..<256).map { index in
        var crc = UInt16(index) << 8
        for _ in 0..<8 { crc = crc & 0x8000 == 0 ? crc << 1 : (crc << 1) ^ 0x1021 }
        return crc
    }
}
