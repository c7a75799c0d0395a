internal import Logging
internal import ParleyHub

extension StoreHealth.Change {
    /// Once for a trouble, however many are refused by it.
    /// - Parameter store: What it is called, behind "The".
    func log(_ store: String, to logger: Logger) {
        switch self {
        case .began(let operation, let error):
            logger.error(
                "The \(store) is in trouble",
                metadata: ["operation": "\(operation)", "kind": "\(error.code)", "error": "\(error)"]
            )
        case .ended(let operation, let failures):
            logger.notice(
                "The \(store) works again",
                metadata: ["operation": "\(operation)", "failures": "\(failures)"]
            )
        }
    }
}
