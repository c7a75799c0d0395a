internal import NIOCore

/// A value that others belong into, while they arrive.
struct RESPFrame: Sendable {
    /// What is announced takes no memory; what has come does.
    private static let maximumReservation = 16

    let kind: AggregateKind
    /// How many are still to come; `nil` until an end is said.
    private var remaining: Int?
    private var values: [RESPValue] = []
    private var bytes = ByteBuffer()

    /// - Parameter count: Of values: two for each pair.
    init(_ kind: AggregateKind, count: Int?) {
        self.kind = kind
        // What an attribute is about comes behind its pairs.
        self.remaining = kind == .attribute ? (count ?? 0) + 1 : count
        self.values.reserveCapacity(min(self.remaining ?? 0, Self.maximumReservation))
    }

    var isStreamed: Bool { self.remaining == nil }
    var isComplete: Bool { self.remaining == 0 }

    mutating func append(_ value: RESPValue) {
        self.values.append(value)
        if let remaining = self.remaining { self.remaining = remaining - 1 }
    }

    mutating func append(_ piece: ByteBuffer) {
        var piece = piece
        self.bytes.writeBuffer(&piece)
    }

    consuming func value() throws(RESPError) -> RESPValue {
        switch self.kind {
        case .array: return .array(self.values)
        case .set: return .set(self.values)
        case .push: return .push(self.values)
        case .chunks: return .bulkString(self.bytes)
        case .map:
            guard self.values.count.isMultiple(of: 2) else {
                throw RESPError(.misplaced, "a map ended behind a key, without what it has")
            }
            return .map(Self.pairs(self.values[...]))
        case .attribute:
            return .attributed(self.values[self.values.count - 1], attributes: Self.pairs(self.values.dropLast()))
        }
    }

    private static func pairs(_ values: ArraySlice<RESPValue>) -> [RESPPair] {
        stride(from: values.startIndex, to: values.endIndex, by: 2).map { RESPPair(values[$0], values[$0 + 1]) }
    }
}
