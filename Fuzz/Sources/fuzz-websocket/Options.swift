/// The command line; see README.
struct Options {
    var iterations: UInt64 = 10_000
    var seed: UInt64 = 1
    var first: UInt64 = 0
    var traces = false
    var saveFolder: String?
    var failCasesFolder = "FailCases/websocket"

    /// - Returns: `nil` for a flag that does not exist or a value that is not a number.
    init?(_ arguments: some Sequence<String>) {
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
