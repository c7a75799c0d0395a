import AsyncHTTPClient
import ParleyClient
import ParleyModel

/// Why a request of a command has no answer, in words of ours: those of the library may have the token in them.
enum RequestFailure {
    static func reason(_ error: any Error) -> String {
        (error as? HTTPClientError)?.shortDescription ?? TLSFailure.reason(error) ?? ErrorText.of(error)
    }

    static func verb(_ error: any Error) -> String {
        TLSFailure.reason(error) == nil ? "does not answer" : "is not trusted"
    }

    /// What to look at, by the kind of failure.
    static func hint(_ error: any Error) -> String {
        TLSFailure.reason(error) == nil
            ? "Is the server running?" : "Name its authority's certificate with --ca, or trust any with --insecure."
    }
}
