/// Text that begins with other text, byte for byte. To Swift a slash with an accent behind it is another character than a slash.
extension Substring {
    /// - Returns: What follows the prefix; `nil`: it does not begin with it.
    package func rest(after prefix: String) -> Substring? {
        let bytes = self.utf8
        var index = bytes.startIndex
        for byte in prefix.utf8 {
            guard index < bytes.endIndex, bytes[index] == byte else { return nil }
            bytes.formIndex(after: &index)
        }
        return self[index...]
    }

    /// Whether a path is another, or one below it.
    /// - Parameter path: Without a slash at its end.
    package func isAtOrBelow(_ path: String) -> Bool {
        guard let rest = self.rest(after: path) else { return false }
        return rest.isEmpty || rest.utf8.first == UInt8(ascii: "/")
    }
}
