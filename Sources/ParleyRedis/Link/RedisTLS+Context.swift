internal import NIOSSL
internal import ParleyModel

extension RedisTLS {
    /// - Throws: ``RedisError`` with `tlsFailed` when a file is none of what it should be.
    func makeContext() throws(RedisError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if !self.verifiesHost { configuration.certificateVerification = .noHostnameVerification }
        if let file = self.authorities {
            let certificates = try Self.certificates(in: file, what: "authorities")
            configuration.trustRoots = .certificates(certificates)
        }
        if let file = self.certificate {
            configuration.certificateChain = try Self.certificates(in: file, what: "certificate").map {
                .certificate($0)
            }
        }
        do {
            if let file = self.key {
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: file, format: .pem))
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            let place = self.key.map { " (key in \($0))" } ?? ""
            throw RedisError(.tlsFailed, "TLS to Redis cannot be set up\(place): \(ErrorText.of(error))")
        }
    }

    private static func certificates(in file: String, what: String) throws(RedisError) -> [NIOSSLCertificate] {
        let certificates: [NIOSSLCertificate]
        do {
            certificates = try NIOSSLCertificate.fromPEMFile(file)
        } catch {
            throw RedisError(
                .tlsFailed,
                "the \(what) for TLS to Redis cannot be read from \(file): expected a file with certificates in PEM form"
            )
        }
        guard !certificates.isEmpty else {
            throw RedisError(.tlsFailed, "\(file) has no certificate: expected -----BEGIN CERTIFICATE-----")
        }
        return certificates
    }
}
