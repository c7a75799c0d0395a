internal import NIOHTTP1

/// Whether the parser of HTTP stops behind a request, as what follows could be another protocol: nothing more comes from it then,
/// and what the client goes on to say stays in its buffer.
///
/// The parser (llhttp) looks for a token in `Connection` (or `Proxy-Connection`) and for any value of `Upgrade`, or for CONNECT;
/// this has to see it as the parser does, byte for byte, or a request would be lost or read twice.
enum ParserStop {
    static func isBehind(_ head: HTTPRequestHead) -> Bool {
        if head.method == .CONNECT { return true }
        guard head.headers.contains(name: "Upgrade") else { return false }
        let hasOffer = head.headers["Upgrade"].contains { $0.utf8.contains { !Self.isBlank($0) } }
        return hasOffer
            && (head.headers["Connection"].contains(where: Self.namesUpgrade)
                || head.headers["Proxy-Connection"].contains(where: Self.namesUpgrade))
    }

    private static func namesUpgrade(_ value: String) -> Bool {
        value.utf8.split(separator: UInt8(ascii: ",")).contains { element in
            var element = element
            while let first = element.first, Self.isBlank(first) { element = element.dropFirst() }
            while element.last == UInt8(ascii: " ") { element = element.dropLast() }
            return element.elementsEqual("upgrade".utf8) { $0 | 0x20 == $1 }
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
