import Foundation
import NIOSSL

/// A certificate for `localhost` and 127.0.0.1 that nobody but itself vouches for, made by `openssl` for one test run.
struct SelfSignedCertificate {
    static let isAvailable = ["/usr/bin/openssl", "/usr/local/bin/openssl"].contains {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    let certificateFile: String
    private let keyFile: String
    private let directory: URL

    /// Makes one, calls `body` with it, and deletes it.
    static func with(_ body: (SelfSignedCertificate) async throws -> Void) async throws {
        let certificate = try SelfSignedCertificate()
        defer { try? FileManager.default.removeItem(at: certificate.directory) }
        try await body(certificate)
    }

    private init() throws {
        self.directory = FileManager.default.temporaryDirectory.appending(path: "parley-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        self.certificateFile = self.directory.appending(path: "certificate.pem").path
        self.keyFile = self.directory.appending(path: "key.pem").path
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "1",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.keyFile,
            "-out", self.certificateFile,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
    }

    func serverContext() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(self.certificateFile).map {
            NIOSSLCertificateSource.certificate($0)
        }
        let key = try NIOSSLPrivateKey(file: self.keyFile, format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
        )
    }
}
