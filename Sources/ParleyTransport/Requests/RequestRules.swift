internal import NIOHTTP1
internal import ParleyModel
internal import ParleyText

/// What RFC 9110 and 9112 ask of every request, wherever it is for: checked, and brought into the one form that routes look at.
enum RequestRules {
    /// - Returns: Why the request is refused, if it is.
    static func apply(to head: inout HTTPRequestHead) -> Refusal? {
        self.trimValues(of: &head.headers)
        guard head.version.major == 1 else { return .unsupportedHTTPVersion }
        if let refusal = self.framingRefusal(of: head) { return refusal }
        if let expectation = head.headers.first(name: "Expect"), !expectation.equalsIgnoringCase("100-continue") {
            return .unknownExpectation
        }
        let hosts = head.headers["Host"]
        guard hosts.count == 1 || hosts.isEmpty && head.version == .http1_0 else { return .repeatedHost }
        if let host = hosts.first, !HostField.isValid(host) { return .badHost }
        return self.normalizeTarget(of: &head)
    }

    /// Spaces and tabs around a value are no part of it (RFC 9110 §5.5); the parser leaves those behind it.
    private static func trimValues(of headers: inout HTTPHeaders) {
        func isBlank(_ byte: UInt8?) -> Bool { byte?.isOptionalWhiteSpace ?? false }
        guard headers.contains(where: { isBlank($0.value.utf8.last) || isBlank($0.value.utf8.first) }) else { return }
        headers = HTTPHeaders(headers.map { name, value in (name, String(value.trimmingOptionalWhiteSpace)) })
    }

    /// Where a request ends must be beyond doubt (RFC 9112 §6.1, §6.3).
    private static func framingRefusal(of head: HTTPRequestHead) -> Refusal? {
        let codings = head.headers[canonicalForm: "Transfer-Encoding"]
        guard !codings.isEmpty else { return nil }
        if head.headers.contains(name: "Content-Length") { return .ambiguousLength }
        if head.version == .http1_0 { return .badRequest }
        return codings.count == 1 && codings[0].lowercased() == "chunked" ? nil : .unknownTransferCoding
    }

    /// RFC 9112 §3.2: a path, a whole URL whose authority then counts for Host, or `*` for OPTIONS.
    private static func normalizeTarget(of head: inout HTTPRequestHead) -> Refusal? {
        let target = head.uri
        switch target.utf8.first {
        case UInt8(ascii: "/"):
            return target.containsByte(UInt8(ascii: "#")) ? .badTarget : nil
        case UInt8(ascii: "*") where target.utf8.count == 1 && head.method == .OPTIONS:
            return nil
        default:
            break
        }
        if head.method == .CONNECT { return .unknownMethod }
        guard let end = target.firstRange(of: "://")?.upperBound else { return .badTarget }
        let scheme = target[..<end].lowercased()
        guard scheme == "http://" || scheme == "https://" else { return .badTarget }
        let rest = target[end...]
        let authorityEnd = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = String(rest[..<authorityEnd])
        guard !authority.isEmpty, HostField.isValid(authority), !rest.utf8.contains(UInt8(ascii: "#")) else {
            return .badTarget
        }
        let path = rest[authorityEnd...]
        head.uri = path.utf8.first == UInt8(ascii: "/") ? String(path) : "/" + path
        head.headers.replaceOrAdd(name: "Host", value: authority)
        return nil
    }
}

/// The form of a Host field: a name, an IPv4 address or an IPv6 one in brackets, and perhaps a port (RFC 9110 §7.2,
/// RFC 3986 §3.2.2).
enum HostField {
    static func isValid(_ value: String) -> Bool {
        var rest = value.utf8[...]
        if rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = rest[rest.index(after: rest.startIndex)..<end]
            guard !address.isEmpty, address.allSatisfy(Self.isAddressByte) else { return false }
            rest = rest[rest.index(after: end)...]
        } else {
            rest = rest.drop(while: Self.isNameByte)
        }
        guard let separator = rest.popFirst() else { return true }
        return separator == UInt8(ascii: ":") && rest.count <= 5 && rest.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// Unreserved, percent-encoded and sub-delims.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte.isUnreserved || "%!$&'()*+,;=".utf8.contains(byte)
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        Hexadecimal.value(of: byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }
}

extension String {
    fileprivate func equalsIgnoringCase(_ other: String) -> Bool { self.lowercased() == other }
}
