internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import ParleyModel

extension WebSocketClientError {
    /// The error for a connection that could not be made; `error` itself when it is one of ours already.
    static func connecting(to url: WebSocketURL, _ error: any Error) -> WebSocketClientError {
        switch error {
        case let error as WebSocketClientError:
            return error
        case ChannelError.connectTimeout(let amount):
            let message = "no connection to \(url.authority) within \(Duration(amount).seconds)"
            return WebSocketClientError(.timedOut, message, underlyingError: error)
        default:
            let message = "cannot connect to \(url.authority): \(self.describe(error))"
            return WebSocketClientError(.connectionFailed, message, underlyingError: error)
        }
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            // One for each address of the name; the last one tried says as much as any.
            if let failure = error.connectionErrors.last { return self.describe(failure.error) }
            return "the host name \(error.host) is unknown"
        case let error as IOError:
            return SystemFailure(code: error.errnoCode).description
        default:
            return TLSFailure.reason(error) ?? ErrorText.of(error)
        }
    }
}
