import ArgumentParser
import AsyncHTTPClient
import NIOSSL

/// Which certificates of a server a command trusts.
struct ServerTrust: ParsableArguments {
    @Option(help: ArgumentHelp("Trust the certificate authorities in this PEM file, and no others.", valueName: "file"))
    var ca: String?

    @Flag(name: [.customShort("k"), .long], help: "Trust any certificate. For tests only.")
    var insecure = false

    func validate() throws {
        if self.ca != nil, self.insecure { throw ValidationError("--ca and --insecure contradict each other") }
    }

    /// - Throws: ``ConfigurationFailure`` when the file cannot be used.
    func apply(to configuration: inout HTTPClient.Configuration) throws {
        guard self.ca != nil || self.insecure else { return }
        var tls = TLSConfiguration.makeClientConfiguration()
        if self.insecure { tls.certificateVerification = .none }
        if let ca = self.ca { tls.trustRoots = .certificates(try Self.certificates(ca)) }
        configuration.tlsConfiguration = tls
    }

    private static func certificates(_ path: String) throws -> [NIOSSLCertificate] {
        let bytes: [UInt8]
        do throws(FileContents.Unreadable) {
            bytes = try FileContents.read(path)
        } catch {
            throw ConfigurationFailure(description: "--ca \(path) cannot be read: \(error.reason).")
        }
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw ConfigurationFailure(
                description: "--ca \(path) holds no certificate in PEM form: expected -----BEGIN CERTIFICATE-----."
            )
        }
        return certificates
    }
}
