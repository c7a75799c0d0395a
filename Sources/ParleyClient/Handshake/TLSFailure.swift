internal import NIOSSL

/// Failures of TLS in words for people, in place of the library's.
package enum TLSFailure {
    /// - Returns: Half a sentence about the server; `nil` when it is no failure of TLS.
    package static func reason(_ error: any Error) -> String? {
        if let error = error as? NIOSSLExtraError {
            return error == .failedToValidateHostname
                ? "its certificate is for another name" : "its name cannot be checked against a certificate"
        }
        guard error is NIOSSLError || error is BoringSSLError else { return nil }
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "its certificate has expired, or is by no authority that is trusted"
        }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") { return "it does not speak TLS" }
        if text.contains("uncleanShutdown") || text.contains("eofDuringHandshake") {
            return "it ended the connection in the middle of TLS"
        }
        return "there is no version or method of TLS that it speaks, too"
    }
}
