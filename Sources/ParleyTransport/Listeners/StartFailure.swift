/// What could not be done at start, in sentences that name the settings to change.
public struct StartFailure: Error, Sendable, CustomStringConvertible {
    /// One for each thing that is wrong.
    public let reasons: [String]

    public var description: String { self.reasons.joined(separator: "\n") }

    package init(description: String) { self.reasons = [description] }

    package init(reasons: [String]) { self.reasons = reasons }
}
