internal import ParleyModel
internal import ParleyText

extension RedisEndpoint {
    /// What is wrong with a text that names no endpoints.
    package struct Mistake: Error, Sendable, Equatable, CustomStringConvertible {
        /// Which of the endpoints, from 1 on; `nil`: the text as a whole.
        package let number: Int?
        /// What was expected, to follow "expected". Nothing of the text is in it, as that may hold a password.
        package let expectation: String

        package var description: String {
            self.number.map { "in endpoint \($0), expected \(self.expectation)" } ?? "expected \(self.expectation)"
        }
    }

    /// Reads the endpoints of a setting, separated by commas and perhaps white space.
    ///
    /// Behind `redis+cluster://` and `redis+sentinel://` what has no scheme of its own is one more address of the same cluster, or
    /// of the same sentinels up to the one with the name.
    package static func list(_ text: String) throws(Mistake) -> [RedisEndpoint] {
        guard text.utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7F }) else {
            throw Mistake(number: nil, expectation: "addresses of printable ASCII: percent-encode what is not")
        }
        var endpoints: [RedisEndpoint] = []
        var groups: [String] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let item = String(item.trimming { $0 == " " })
            guard !item.isEmpty else {
                throw Mistake(
                    number: groups.count + 1,
                    expectation: "an address such as redis://host:6379, got nothing before or behind a comma"
                )
            }
            if let last = groups.indices.last, Self.isOpen(groups[last]), !item.contains("://") {
                groups[last] += "," + item
            } else {
                groups.append(item)
            }
        }
        for (index, group) in groups.enumerated() {
            do throws(Expectation) {
                endpoints.append(try Self.parse(group))
            } catch {
                throw Mistake(number: groups.count == 1 ? nil : index + 1, expectation: error.text)
            }
        }
        for (index, endpoint) in endpoints.enumerated() {
            let before = endpoints[..<index].firstIndex {
                $0.topology == endpoint.topology && $0.database == endpoint.database
            }
            if let before {
                throw Mistake(
                    number: index + 1,
                    expectation: "another place than that of endpoint \(before + 1), as each has topics of its own"
                )
            }
        }
        return endpoints
    }

    private struct Expectation: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// Whether addresses may follow behind a comma.
    private static func isOpen(_ group: String) -> Bool {
        guard let scheme = Scheme(of: group) else { return false }
        switch scheme.kind {
        case .server: return false
        case .cluster: return true
        case .sentinel: return !group.dropFirst(scheme.length).contains("/")
        }
    }

    private static func parse(_ text: String) throws(Expectation) -> RedisEndpoint {
        guard let scheme = Scheme(of: text) else {
            throw Expectation(
                "a scheme of redis, rediss, redis+cluster, rediss+cluster, redis+sentinel or rediss+sentinel, or none"
            )
        }
        let rest = text.dropFirst(scheme.length)
        guard !rest.contains("?"), !rest.contains("#") else {
            throw Expectation(
                "nothing behind ? or #: options have settings of their own, and in a password these are %3F and %23"
            )
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        let path = rest[slash...].dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        guard !rest[slash...].contains("@") else {
            throw Expectation("the slash in a user or password as %2F")
        }
        let at = authority.lastIndex(of: "@")
        let hosts = at.map { authority[authority.index(after: $0)...] } ?? authority
        let isSentinel = scheme.kind == .sentinel
        var addresses: [RedisAddress] = []
        for host in hosts.split(separator: ",", omittingEmptySubsequences: false) {
            let port = isSentinel ? Self.defaultSentinelPort : Self.defaultPort
            let address = try Self.address(host, defaultPort: port)
            if !addresses.contains(address) { addresses.append(address) }
        }
        var endpoint: RedisEndpoint
        switch scheme.kind {
        case .server:
            endpoint = RedisEndpoint(.server(addresses[0]))
            guard path.count <= 1 else { throw Expectation("at most the number of a database behind the port") }
            endpoint.database = try Self.database(path.first)
        case .cluster:
            endpoint = RedisEndpoint(.cluster(addresses))
            guard path.allSatisfy(\.isEmpty) || path == ["0"] else {
                throw Expectation("no number of a database, as a cluster has only database 0")
            }
        case .sentinel:
            guard let name = path.first, !name.isEmpty, path.count <= 2 else {
                throw Expectation("the name that sentinels have for the primary: redis+sentinel://host:26379/name")
            }
            guard let decoded = PercentEncoding.decode(name) else {
                throw Expectation("a name whose percent signs are followed by two hexadecimal digits")
            }
            endpoint = RedisEndpoint(.sentinel(addresses, name: decoded))
            endpoint.database = try Self.database(path.dropFirst().first)
        }
        endpoint.usesTLS = scheme.usesTLS
        if let at { try Self.take(authority[..<at], into: &endpoint) }
        return endpoint
    }

    private static func address(_ text: Substring, defaultPort: Int) throws(Expectation) -> RedisAddress {
        let place: HostAndPort
        do {
            place = try HostAndPort(String(text))
        } catch {
            throw Expectation(error.expectation)
        }
        let isBracketed = place.host.hasPrefix("[")
        let host = isBracketed ? String(place.host.dropFirst().dropLast()) : place.host
        return RedisAddress(host, place.port ?? defaultPort)
    }

    private static func database(_ text: Substring?) throws(Expectation) -> Int {
        guard let text, !text.isEmpty else { return 0 }
        guard text.utf8.allSatisfy(\.isASCIIDigit), let number = Int32(text) else {
            throw Expectation("the number of a database behind the port, 0 or more")
        }
        return Int(number)
    }

    /// `user:password`, `user`, or `:password`.
    private static func take(_ text: Substring, into endpoint: inout RedisEndpoint) throws(Expectation) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let decoded = parts.map { PercentEncoding.decode($0) }
        guard decoded.allSatisfy({ $0 != nil }) else {
            throw Expectation("a user and password whose percent signs are followed by two hexadecimal digits")
        }
        let user = decoded[0].flatMap { $0.isEmpty ? nil : $0 }
        if decoded.count == 2, let password = decoded[1], !password.isEmpty {
            endpoint.credentials = RedisCredentials(user: user, password: password)
        } else {
            endpoint.userWithoutPassword = user
        }
    }

    /// What stands before `://`.
    private struct Scheme {
        enum Kind { case server, cluster, sentinel }

        let kind: Kind
        let usesTLS: Bool
        /// In characters of ASCII, with `://`.
        let length: Int

        /// - Returns: `nil` for a scheme that there is not.
        init?(of text: String) {
            guard let end = text.firstRange(of: "://") else {
                self.init(.server, usesTLS: false, length: 0)
                return
            }
            let length = text[..<end.upperBound].utf8.count
            switch text[..<end.lowerBound].asciiLowercased {
            case "redis", "valkey": self.init(.server, usesTLS: false, length: length)
            case "rediss", "valkeys": self.init(.server, usesTLS: true, length: length)
            case "redis+cluster": self.init(.cluster, usesTLS: false, length: length)
            case "rediss+cluster": self.init(.cluster, usesTLS: true, length: length)
            case "redis+sentinel": self.init(.sentinel, usesTLS: false, length: length)
            case "rediss+sentinel": self.init(.sentinel, usesTLS: true, length: length)
            default: return nil
            }
        }

        private init(_ kind: Kind, usesTLS: Bool, length: Int) {
            self.kind = kind
            self.usesTLS = usesTLS
            self.length = length
        }
    }
}
