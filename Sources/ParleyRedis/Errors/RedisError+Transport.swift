internal import NIOCore
internal import NIOSSL
internal import ParleyModel

extension RedisError {
    /// What the network or TLS could not do, in words.
    init(of error: any Error, at name: String) {
        if let error = error as? RedisError {
            self = error
        } else if let reason = Self.tlsReason(error) {
            self.init(.tlsFailed, "there is no TLS session with \(name): \(reason)")
        } else {
            self.init(.connectionLost, "the connection to \(name) failed: \(ErrorText.of(error))")
        }
    }

    /// The library's own words are numbers and names of C functions.
    private static func tlsReason(_ error: any Error) -> String? {
        if let error = error as? NIOSSLExtraError {
            return error == .failedToValidateHostname
                ? "its certificate is for another name" : "its name cannot be checked against a certificate"
        }
        guard error is NIOSSLError || error is BoringSSLError else { return nil }
        let text = "\(error)"
        let reasons = [
            ("CERTIFICATE_VERIFY_FAILED", "its certificate has expired, or is by no authority that is trusted"),
            ("WRONG_VERSION_NUMBER", "it does not speak TLS on that port"),
            ("uncleanShutdown", "it ended the connection without a word"),
            (
                "eofDuringHandshake",
                "it ended the connection in the middle of the handshake: does it speak TLS on that port?"
            ),
            ("CERTIFICATE_REQUIRED", "it wants a certificate of ours"),
            ("HANDSHAKE_FAILURE", "it wants a certificate of ours, or another version or method of TLS"),
        ]
        return reasons.first { text.contains($0.0) }?.1 ?? "there is no version or method of TLS that both speak"
    }
}
