/// Text cut where a byte of ASCII stands, as everybody else on the wire cuts it. To Swift a separator with an accent behind it, or
/// with a sign before it that joins what follows, is a part of another character, and none.
extension Substring {
    /// - Parameter separator: Of ASCII.
    package func split(
        ascii separator: Unicode.Scalar,
        maxSplits: Int = .max,
        omittingEmptySubsequences: Bool = true
    ) -> [Substring] {
        self.utf8.split(
            separator: UInt8(ascii: separator),
            maxSplits: maxSplits,
            omittingEmptySubsequences: omittingEmptySubsequences
        ).map { Substring($0) }
    }
}

extension String {
    /// - Parameter separator: Of ASCII.
    package func split(
        ascii separator: Unicode.Scalar,
        maxSplits: Int = .max,
        omittingEmptySubsequences: Bool = true
    ) -> [Substring] {
        self[...].split(
            ascii: separator,
            maxSplits: maxSplits,
            omittingEmptySubsequences: omittingEmptySubsequences
        )
    }
}
