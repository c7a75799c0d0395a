internal import ParleyText

/// The values of the opening handshake's headers (RFC 6455 §4). Knows no HTTP.
public enum WebSocketHandshake {
    /// The value of `Sec-WebSocket-Accept` that proves that the server understood the request (§4.2.2).
    ///
    /// - Parameter key: The request's `Sec-WebSocket-Key`; see ``isValidKey(_:)``.
    public static func acceptValue(forKey key: String) -> String {
        let guid: StaticString = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        let count = key.utf8.count
        return withUnsafeTemporaryAllocation(byteCount: count + guid.utf8CodeUnitCount, alignment: 8) { message in
            UnsafeMutableRawBufferPointer(rebasing: message[..<count]).copyBytes(from: key.utf8)
            guid.withUTF8Buffer { UnsafeMutableRawBufferPointer(rebasing: message[count...]).copyBytes(from: $0) }
            let digest = SHA1.digest(UnsafeRawBufferPointer(message))
            let words = (
                digest.0.bigEndian, digest.1.bigEndian, digest.2.bigEndian, digest.3.bigEndian, digest.4.bigEndian
            )
            return withUnsafeBytes(of: words) { Base64.encode($0) }
        }
    }

    /// Whether `key` is sixteen bytes in base64: 22 digits and two signs of padding (§4.1). The four bits that are left
    /// over in the last digit are not looked at.
    public static func isValidKey(_ key: String) -> Bool {
        var position = 0
        for byte in key.utf8 {
            guard position < 22 ? Base64.isDigit(byte) : byte == UInt8(ascii: "=") else { return false }
            position += 1
            if position > 24 { return false }
        }
        return position == 24
    }

    /// The `Sec-WebSocket-Key` for a nonce (§4.1).
    ///
    /// - Parameter random: Sixteen fresh random bytes.
    public static func makeKey(random: some Collection<UInt8>) -> String {
        precondition(random.count == 16, "a WebSocket key is made of 16 random bytes")
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { nonce in
            nonce.copyBytes(from: random)
            return Base64.encode(UnsafeRawBufferPointer(nonce))
        }
    }

    /// Whether a comma-separated header value has `token` among its elements, in any case: `Connection: keep-alive,
    /// Upgrade` has `upgrade` (§4.2.1).
    ///
    /// - Parameter token: In lower case.
    public static func containsToken(_ headerValue: String, _ token: StaticString) -> Bool {
        token.withUTF8Buffer { token in
            // How much of the token the current element has; `nil` when it is something else.
            var matched: Int? = 0
            var hasEnded = false
            for byte in headerValue.utf8 {
                switch byte {
                case UInt8(ascii: ","):
                    if matched == token.count { return true }
                    (matched, hasEnded) = (0, false)
                case UInt8(ascii: " "), UInt8(ascii: "\t"):
                    hasEnded = matched != 0
                default:
                    if let count = matched, count < token.count, !hasEnded, byte.asciiLowercased == token[count] {
                        matched = count + 1
                    } else {
                        matched = nil
                    }
                }
            }
            return matched == token.count
        }
    }
}
