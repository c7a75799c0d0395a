extension JSONString {
    /// The text of what stands between the quotes of a JSON string.
    /// - Parameter contents: UTF-8 that ``JSONScanner`` has accepted: a broken escape here would be read beyond its end.
    package static func decode(contents: UnsafeRawBufferPointer) -> String {
        Self.decode(contents)
    }
}
