/// Comparison of secrets that takes as long whatever they have in common.
public enum ConstantTime {
    public static func areEqual(_ one: String, _ other: String) -> Bool {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        var difference = one.count ^ other.count
        for index in one.indices { difference |= Int(one[index] ^ (other.isEmpty ? 0xFF : other[index % other.count])) }
        return difference == 0
    }
}
