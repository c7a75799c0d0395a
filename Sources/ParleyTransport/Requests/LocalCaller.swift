internal import ParleyModel

/// Whether a request comes from this machine, and from no page of another.
///
/// A page of another origin can send requests from the developer's browser, and one whose name leads to this machine (DNS
/// rebinding) can read the answers: its `Origin`, or its `Host`, says so.
package struct LocalCaller {
    /// Hosts by which the server is called besides `localhost`, `127.0.0.1` and `[::1]`; in lower case, without ports.
    package let ownHosts: Set<String>

    package init(ownHosts: Set<String>) {
        self.ownHosts = ownHosts
    }

    /// - Parameters:
    ///   - address: The client's, as text; `nil`: nobody knows, so that it is not here.
    ///   - authority: What it asked for (`Host`); `nil` or empty: nothing, and so not this machine by name.
    ///   - origin: Of the page that asks; `nil`: none, or one that only sends.
    ///   - site: `Sec-Fetch-Site`, as browsers say it.
    package func allows(address: String?, authority: String?, origin: String?, site: String? = nil) -> Bool {
        guard let address = address.flatMap({ IPAddress($0) }), address.isLoopback else { return false }
        guard let asked = authority.flatMap({ try? HostAndPort($0) }), self.isOwn(asked) else { return false }
        guard let origin else { return site != "cross-site" }
        return HostAndPort(ofOrigin: origin).map(self.isOwn) ?? false
    }

    private func isOwn(_ place: HostAndPort) -> Bool { place.isThisMachine || self.ownHosts.contains(place.host) }
}
