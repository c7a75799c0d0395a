package import RESP

/// An answer that says: not here, or not now.
///
/// Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding
package enum RedisRedirection: Sendable, Hashable {
    /// The slot is at another node, from now on.
    case moved(RedisSlot, RedisAddress)
    /// The slot is on its way to another node; this command is to be given there, and others here.
    case ask(RedisAddress)
    /// The keys are on their way, some here and some there.
    case tryAgain
    /// The node, or the cluster, has nobody to answer just now.
    case unavailable
    /// The node is not a primary any more.
    case demoted

    /// - Parameter node: Who says so: an answer may leave out the host when it is the same.
    /// - Returns: `nil` for any other error.
    package init?(_ error: RESPErrorReply, from node: RedisAddress) {
        switch error.code {
        case "MOVED", "ASK":
            let words = error.text.split(separator: " ")
            guard words.count >= 3, let slot = Int(words[1]).flatMap(RedisSlot.init),
                let address = RedisAddress(redirection: words[2], from: node)
            else { return nil }
            self = error.code == "MOVED" ? .moved(slot, address) : .ask(address)
        case "TRYAGAIN": self = .tryAgain
        case "CLUSTERDOWN", "LOADING", "MASTERDOWN": self = .unavailable
        case "READONLY": self = .demoted
        default: return nil
        }
    }
}

extension RedisAddress {
    /// `10.0.0.1:6379`, `::1:6379` without brackets, `:6379` for the same host.
    init?(redirection text: Substring, from node: RedisAddress) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else { return nil }
        self.init(host: String(text[..<colon]), port: port, from: node)
    }

    /// - Parameter host: Empty or `?` where a node does not know under which name it is reached: then it is that of whoever says so.
    init?(host: String, port: Int, from node: RedisAddress) {
        guard (1...65_535).contains(port), host.utf8.count <= 253, host.utf8.allSatisfy({ 0x21 <= $0 && $0 < 0x7F })
        else {
            return nil
        }
        self.init(host.isEmpty || host == "?" ? node.host : host, port)
    }
}
