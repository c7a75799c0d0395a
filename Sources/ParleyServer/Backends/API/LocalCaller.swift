/// Whether a request comes from this machine, and from no page of another.
///
/// A page of another origin can send requests from the developer's browser, and one whose name leads to this machine (DNS
/// rebinding) can read the answers: its `Origin`, or its `Host`, says so.
struct LocalCaller {
    /// Hosts by which the server is called besides those of the loopback interface; in lower case, without ports.
    let ownHosts: Set<String>

    /// - Parameters:
    ///   - address: The client's, as text.
    ///   - authority: What it asked for (`Host`); `nil`: nothing, as HTTP/1.0 clients may.
    ///   - origin: Of the page that asks; `nil`: none, or one that only sends.
    ///   - site: `Sec-Fetch-Site`, as browsers say it.
    func allows(address: String?, authority: String?, origin: String?, site: String? = nil) -> Bool {
        guard let address = address.flatMap({ IPAddress($0) }), address.isLoopback else { return false }
        if let authority, !authority.isEmpty, !self.isOwn(Authority(authority).host) { return false }
        guard let origin else { return site != "cross-site" }
        guard let host = Self.host(ofOrigin: origin) else { return false }
        return self.isOwn(host)
    }

    /// RFC 6454 §6.1: `scheme://host:port`, or `null`.
    private static func host(ofOrigin origin: String) -> String? {
        let parts = origin.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "http:" || parts[0] == "https:", parts[1].isEmpty, !parts[2].isEmpty else {
            return nil
        }
        return Authority(parts[2]).host
    }

    private func isOwn(_ host: String) -> Bool {
        if host == "localhost" || host.hasSuffix(".localhost") || self.ownHosts.contains(host) { return true }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        return IPAddress(isBracketed ? host.dropFirst().dropLast() : host[...])?.isLoopback ?? false
    }
}
