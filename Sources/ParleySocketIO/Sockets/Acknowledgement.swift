internal import SocketIO

/// Why there is no acknowledgement.
public struct AcknowledgementError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public static let timedOut = AcknowledgementError(description: "operation has timed out")
    public static let disconnected = AcknowledgementError(description: "socket has been disconnected")
    public static let reservedEvent = AcknowledgementError(description: "the event's name is reserved")
    /// A broadcast waits for as many answers as it has recipients: it must have an end.
    public static let timeoutMissing = AcknowledgementError(
        description: "a broadcast with acknowledgements needs timeout(_:)"
    )
}

/// An event that waits for its answer.
struct PendingAcknowledgement: Sendable {
    private let completion: @Sendable (Result<SocketArguments, AcknowledgementError>) -> Void

    init(_ completion: @escaping @Sendable (Result<SocketArguments, AcknowledgementError>) -> Void) {
        self.completion = completion
    }

    /// Taken out of its table before, so that this happens once.
    func complete(_ result: Result<SocketArguments, AcknowledgementError>) {
        self.completion(result)
    }
}
