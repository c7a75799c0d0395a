internal import ParleyText

/// A script in Lua. Servers keep scripts by digest until they restart, and are told them again when they have not.
package struct RedisScript: Sendable, Hashable {
    /// For messages.
    package let name: String
    package let source: String
    /// SHA-1 in 40 hexadecimal digits.
    package let digest: String

    package init(_ name: String, _ source: String) {
        self.name = name
        self.source = source
        self.digest = SHA1.hexadecimal(source)
    }
}
