internal import Foundation

/// An address of IPv4 or IPv6, told apart from others by its bits: an IPv4 address that IPv6 wraps (RFC 4291 §2.5.5.2) is one of
/// IPv4.
struct IPAddress: Hashable, Sendable {
    /// 4 or 16, in network order.
    let bytes: [UInt8]

    /// - Parameter text: As `inet_pton` takes it: no port, no brackets, no zone.
    init?(_ text: some StringProtocol) {
        // Longer is no address, and not worth a copy.
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        let text = String(text)
        var short = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &short) == 1 {
            self.bytes = short
            return
        }
        var long = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, text, &long) == 1 else { return nil }
        self.bytes = long.starts(with: Self.mapped) ? Array(long.dropFirst(Self.mapped.count)) : long
    }

    private static let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

    var isVersion4: Bool { self.bytes.count == 4 }

    /// The one way in which it is written here (RFC 5952).
    var text: String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = self.isVersion4 ? AF_INET : AF_INET6
        guard inet_ntop(family, self.bytes, &buffer, socklen_t(buffer.count)) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether it is this machine's own (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
    var isLoopback: Bool {
        self.isVersion4 ? self.bytes[0] == 127 : self.bytes.dropLast().allSatisfy { $0 == 0 } && self.bytes[15] == 1
    }
}
