extension SocketValue: ExpressibleByNilLiteral {
    public init(nilLiteral: ()) { self = .null }
}

extension SocketValue: ExpressibleByBooleanLiteral {
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension SocketValue: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int64) { self = .int(value) }
}

extension SocketValue: ExpressibleByFloatLiteral {
    public init(floatLiteral value: Double) { self = .double(value) }
}

extension SocketValue: ExpressibleByStringInterpolation {
    public init(stringLiteral value: String) { self = .string(value) }
}

extension SocketValue: ExpressibleByArrayLiteral {
    public init(arrayLiteral elements: SocketValue...) { self = .array(elements) }
}

extension SocketValue: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, SocketValue)...) {
        self = .object(SocketObject(elements.lazy.map { (key: $0.0, value: $0.1) }))
    }
}
