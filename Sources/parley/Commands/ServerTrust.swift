import ArgumentParser
import AsyncHTTPClient
import NIOSSL
import ParleyModel

/// Which certificates of a server a command trusts.
struct ServerTrust: ParsableArguments {
    @Option(help: ArgumentHelp("Trust the certificate authorities in this PEM file, and no others.", valueName: "file"))
    var ca: String?

    @Flag(name: [.customShort("k"), .long], help: "Trust any certificate. For tests only.")
    var insecure = false

    func validate() throws {
        if self.ca != nil, self.insecure { throw ValidationError("--ca and --insecure contradict each other") }
    }

    /// How a server is spoken to: it is what was named, so that redirects, which may lead anywhere, are not followed.
    /// - Throws: ``ConfigurationFailure`` when the file cannot be used.
    func clientConfiguration() throws -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        guard self.ca != nil || self.insecure else { return configuration }
        var tls = TLSConfiguration.makeClientConfiguration()
        if self.insecure { tls.certificateVerification = .none }
        if let ca = self.ca { tls.trustRoots = .certificates(try Self.certificates(ca)) }
        configuration.tlsConfiguration = tls
        return configuration
    }

    /// - Throws: ``ConfigurationFailure`` when `--url` is no URL of a server.
    static func check(_ url: String) throws(ConfigurationFailure) {
        do throws(HTTPURL.Mistake) {
            _ = try HTTPURL(url)
        } catch {
            throw ConfigurationFailure(
                description:
                    "--url is '\(HTTPURL.shown(url))', from the command line: expected where the server is, "
                    + "such as http://127.0.0.1:8000 (here: \(error.expectation))."
            )
        }
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
