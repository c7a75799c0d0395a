/// A kind of name, so that names of different kinds are not mixed up, compared as ``ExactString`` is.
public protocol Name: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringInterpolation {
    var exact: ExactString { get }
    init(_ value: String)
}

extension Name {
    /// As it was spelled.
    public var value: String { self.exact.text }
    public var description: String { self.exact.text }
    public init(stringLiteral value: String) { self.init(value) }
}

/// The name of a topic as its dialect spells it; case-sensitive, any characters, never empty.
///
/// *Room* and *channel* are the wire words of single dialects for the same thing. The hash that places topics is made of bytes:
/// compared in any other way, one topic could have two homes.
public struct TopicName: Name {
    public let exact: ExactString

    public init(_ value: String) {
        self.exact = ExactString(value)
    }
}

/// Who somebody is, as a token or a program that is trusted says it.
public struct UserID: Name {
    public let exact: ExactString

    public init(_ value: String) {
        self.exact = ExactString(value)
    }
}
