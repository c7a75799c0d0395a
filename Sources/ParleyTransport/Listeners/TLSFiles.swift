internal import Foundation
package import NIOSSL
internal import ParleyModel

/// The files that a server shows who it is with.
public struct TLSFiles: Sendable {
    /// The setting PARLEY_TLS_CERTIFICATE.
    public var certificateFile: String
    /// The setting PARLEY_TLS_KEY.
    public var keyFile: String

    public init(certificateFile: String, keyFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }

    /// Reads the files and looks whether they go together.
    /// - Throws: ``StartFailure`` that says which file is wrong, and what it should be.
    public func validate() throws(StartFailure) { _ = try self.makeContext() }

    package func makeContext() throws(StartFailure) -> NIOSSLContext {
        let certificates = try self.certificates()
        let key = try self.key()
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.applicationProtocols = ["http/1.1"]
        // RFC 8996: older versions must not be spoken.
        configuration.minimumTLSVersion = .tlsv12
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw self.failure(
                "the key in PARLEY_TLS_KEY=\(self.keyFile) does not belong to the certificate in "
                    + "PARLEY_TLS_CERTIFICATE=\(self.certificateFile); the server's own certificate comes first in its file"
            )
        }
    }

    private func certificates() throws(StartFailure) -> [NIOSSLCertificate] {
        let bytes = try self.bytes(of: self.certificateFile, "PARLEY_TLS_CERTIFICATE")
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
            if !certificates.isEmpty { return certificates }
        } catch {}
        throw self.failure(
            "PARLEY_TLS_CERTIFICATE=\(self.certificateFile) is no certificate chain in PEM form: "
                + "expected -----BEGIN CERTIFICATE----- and what follows"
        )
    }

    private func key() throws(StartFailure) -> NIOSSLPrivateKey {
        let bytes = try self.bytes(of: self.keyFile, "PARLEY_TLS_KEY")
        do {
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
        } catch {
            throw self.failure(
                "PARLEY_TLS_KEY=\(self.keyFile) is no private key in PEM form without a passphrase: "
                    + "expected -----BEGIN PRIVATE KEY----- and what follows"
            )
        }
    }

    private func bytes(of path: String, _ setting: String) throws(StartFailure) -> [UInt8] {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { throw self.unreadable(path, setting, errno) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        // More than any chain has; a device never ends.
        while bytes.count < 16 << 20 {
            let count = read(file, &chunk, chunk.count)
            guard count >= 0 else { throw self.unreadable(path, setting, errno) }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    private func unreadable(_ path: String, _ setting: String, _ code: Int32) -> StartFailure {
        self.failure("\(setting)=\(path) cannot be read: \(SystemFailure(code: code).description)")
    }

    private func failure(_ reason: String) -> StartFailure {
        .init(description: "TLS cannot be set up: \(reason).")
    }
}
