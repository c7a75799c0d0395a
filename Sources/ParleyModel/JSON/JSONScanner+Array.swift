public import NIOCore

extension JSONScanner {
    /// Checks that the readable bytes of `buffer` are one JSON array, and calls `element` for each of its elements in order.
    ///
    /// Elements are visited as they are found: those before a fault have been seen when it is thrown.
    /// - Throws: `notAnArray` for JSON of another kind, `malformed` or `tooDeep` for what is not acceptable JSON at all.
    public static func scanArray(
        _ buffer: ByteBuffer,
        maximumDepth: Int = defaultMaximumDepth,
        element: (JSONValue) -> Void
    ) throws(JSONFailure) {
        let failure: JSONFailure? = buffer.withUnsafeReadableBytes { bytes in
            var scanner = JSONScanner(bytes, maximumDepth: maximumDepth)
            do throws(JSONFailure) {
                try scanner.topLevelArray(element)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }
}
