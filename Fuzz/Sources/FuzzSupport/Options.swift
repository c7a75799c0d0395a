/// The command line; see README.
public struct Options {
    public var iterations: UInt64 = 10_000
    public var seed: UInt64 = 1
    public var first: UInt64 = 0
    public var traces = false
    public var saveFolder: String?
    public var failCasesFolder: String

    /// - Returns: `nil` for a flag that does not exist or a value that is not a number.
    public init?(_ arguments: some Sequence<String>, failCases: String) {
        self.failCasesFolder = failCases
        var rest = Array(arguments)[...]
        while let flag = rest.popFirst() {
            if flag == "--trace" {
                self.traces = true
                continue
            }
            guard let value = rest.popFirst() else { return nil }
            switch (flag, UInt64(value)) {
            case ("--iterations", let number?): self.iterations = number
            case ("--seed", let number?): self.seed = number
            case ("--first", let number?): self.first = number
            case ("--save", _): self.saveFolder = value
            case ("--fail-cases", _): self.failCasesFolder = value
            default: return nil
            }
        }
    }
}
