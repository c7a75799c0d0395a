import Foundation
import ParleyModel
import ParleyText

/// Addresses as settings and URLs have them.
enum HostName {
    /// Whether text is an IP address, or could be the name of a host: letters, digits, hyphens, underscores and dots (RFC 952,
    /// RFC 1123 §2.1).
    static func isUsable(_ text: String) -> Bool {
        if self.isIPv6(text) { return true }
        // Nothing but digits and dots is an address of four numbers, not a name.
        if text.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || $0.isASCIIDigit }) { return self.isIPv4(text) }
        return !text.utf8.contains { ":[".utf8.contains($0) } && (try? HostAndPort(text)) != nil
    }

    private static func isIPv4(_ text: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1
    }

    /// With or without a zone, as `fe80::1%eth0`.
    private static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        return inet_pton(AF_INET6, String(parts[0]), &address) == 1 && (parts.count == 1 || !parts[1].isEmpty)
    }

    /// As a URL, or an address with a port, has it: IPv6 in brackets (RFC 3986 §3.2.2), its zone escaped (RFC 6874).
    static func inURL(_ host: String) -> String {
        guard host.contains(":"), !host.hasPrefix("[") else { return host }
        return "[\(host.replacing("%", with: "%25"))]"
    }

    /// Where a program on this machine reaches a server that is bound to `host`; `nil` and `0.0.0.0` are all interfaces.
    static func local(_ host: String?, or name: String) -> String {
        switch host {
        case nil, "0.0.0.0"?, "::"?: name
        case let host?: self.inURL(host)
        }
    }
}
