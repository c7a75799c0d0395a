/// Text without what surrounds it, where it lies: nothing is copied.
extension Substring {
    /// Without the spaces and tabs around it, which are no part of a field's value or an element of a list (RFC 9110 §5.5, §5.6.3).
    package var trimmingOptionalWhiteSpace: Substring {
        let bytes = self.utf8
        guard let start = bytes.firstIndex(where: { !$0.isOptionalWhiteSpace }),
            let last = bytes.lastIndex(where: { !$0.isOptionalWhiteSpace })
        else { return self[self.endIndex...] }
        return self[start..<bytes.index(after: last)]
    }

    /// Without the white space around it, whatever alphabet it belongs to: what people type, and files have.
    package var trimmingWhiteSpace: Substring { self.trimming { $0.properties.isWhitespace } }

    /// Without what is blank around it. By scalars: an accent behind a space makes no letter of it.
    package func trimming(_ isBlank: (Unicode.Scalar) -> Bool) -> Substring {
        let scalars = self.unicodeScalars
        guard let start = scalars.firstIndex(where: { !isBlank($0) }),
            let last = scalars.lastIndex(where: { !isBlank($0) })
        else { return self[self.endIndex...] }
        return self[start..<scalars.index(after: last)]
    }
}

extension String {
    package var trimmingOptionalWhiteSpace: Substring { self[...].trimmingOptionalWhiteSpace }
    package var trimmingWhiteSpace: Substring { self[...].trimmingWhiteSpace }
    package func trimming(_ isBlank: (Unicode.Scalar) -> Bool) -> Substring { self[...].trimming(isBlank) }
}
