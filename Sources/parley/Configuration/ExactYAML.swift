import ParleyModel
import Yams

/// YAML whose keys are what their bytes are.
///
/// The library compares keys as `String` does, by canonical equivalence: `é` as one scalar and as two would be one key that stands
/// there twice. It is therefore given text in which such letters are pairs of private ones, which are equivalent to nothing.
enum ExactYAML {
    /// A key that stands twice in one mapping.
    struct RepeatedKey: Error {
        let key: String
        let line: Int
    }

    /// - Throws: `YamlError`, or ``RepeatedKey``.
    static func compose(_ text: String) throws -> Node? {
        try Yams.compose(yaml: Self.encoded(text)).map(Self.decoded)
    }

    private static let (high, low): (UInt32, UInt32) = (0x10_0000, 0x10_1000)

    private static func encoded(_ text: String) -> String {
        // Most files have nothing to encode.
        guard text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            // Below are control characters, among these line ends and what YAML has no place for.
            case ...0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: result.append(scalar)
            case let value:
                for half in [Self.high + value >> 11, Self.low + value & 0x7FF] {
                    result.append(Unicode.Scalar(half) ?? scalar)
                }
            }
        }
        return String(result)
    }

    /// Text from the library as it was in the file.
    static func decoded(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 >= 0xF0 }) else { return text }
        var result = String.UnicodeScalarView()
        var first: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if let high = first {
                first = nil
                if (Self.low...Self.low + 0x7FF).contains(scalar.value),
                    let whole = Unicode.Scalar((high.value - Self.high) << 11 | (scalar.value - Self.low))
                {
                    result.append(whole)
                    continue
                }
                result.append(high)
            }
            if (Self.high...Self.high + 0x21F).contains(scalar.value) {
                first = scalar
            } else {
                result.append(scalar)
            }
        }
        if let first { result.append(first) }
        return String(result)
    }

    private static func decoded(_ node: Node) throws -> Node {
        switch node {
        case .scalar(var scalar):
            scalar.string = Self.decoded(scalar.string)
            return .scalar(scalar)
        case .sequence(let sequence):
            return .sequence(
                Node.Sequence(try sequence.map(Self.decoded), sequence.tag, sequence.style, sequence.mark)
            )
        case .mapping(let mapping):
            var seen: Set<ExactString> = []
            let pairs = try mapping.map { key, value in
                let key = try Self.decoded(key)
                if let text = key.string, !seen.insert(ExactString(text)).inserted {
                    throw RepeatedKey(key: text, line: key.mark?.line ?? 0)
                }
                return (key, try Self.decoded(value))
            }
            return .mapping(Node.Mapping(pairs, mapping.tag, mapping.style, mapping.mark))
        case .alias:
            return node
        }
    }
}
