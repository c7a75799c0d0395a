import Foundation
import NIOCore
import RESP
import Testing

@testable import ParleyRedis

/// With Redis alone: the Valkey that is installed for tests is built without TLS.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    /// A certificate for 127.0.0.1, by an authority of its own.
    private final class Certificates {
        let folder: String

        init() throws {
            self.folder = NSTemporaryDirectory() + "/parley-redis-tls-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
            func openssl(_ arguments: String) throws {
                try RedisServer.run("openssl", arguments.split(separator: " ").map(String.init), in: self.folder)
            }
            try openssl(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=authority"
            )
            try openssl(
                "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj /CN=server"
            )
            try "subjectAltName=IP:127.0.0.1,DNS:cache.test".write(
                toFile: self.folder + "/names",
                atomically: true,
                encoding: .utf8
            )
            try openssl(
                "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile names"
            )
        }

        deinit { try? FileManager.default.removeItem(atPath: self.folder) }

        func start(_ more: [String]...) async throws -> RedisServer {
            let port = try RedisServer.freePort()
            return try await RedisServer.start(
                .redis,
                options: [
                    ["port", "0"], ["tls-port", "\(port)"], ["tls-cert-file", self.folder + "/server.crt"],
                    ["tls-key-file", self.folder + "/server.key"], ["tls-ca-cert-file", self.folder + "/ca.crt"],
                ] + more,
                port: port
            )
        }
    }

    @Test("A server behind TLS is reached and heard when its authority is trusted")
    func trusted() async throws {
        let certificates = try Certificates()
        let server = try await certificates.start(["tls-auth-clients", "no"], ["requirepass", "pw"])
        try await TestClient("rediss://\(server.address)", secret: "pw") {
            $0.tls.authorities = certificates.folder + "/ca.crt"
        }.use { client in
            try await client.ready()
            let happenings = client.listen(to: RedisChannel(.channel, "c"))
            await happenings.wait { $0 == ["heard"] }
            let message = ByteBuffer(string: String(repeating: "m", count: 200_000))
            try await client.send(.publish(ByteBuffer(string: "c"), message))
            await happenings.wait { $0.last?.utf8.count == 200_000 }
        }
    }

    @Test("An authority that is not trusted is said to be none")
    func untrusted() async throws {
        let certificates = try Certificates()
        let server = try await certificates.start(["tls-auth-clients", "no"])
        try await TestClient("rediss://\(server.address)").use { client in
            let error = await #expect(throws: RedisError.self) { try await client.ready() }
            #expect(error?.code == .tlsFailed)
            #expect(error?.description.contains("no authority that is trusted") == true)
        }
    }

    @Test("A server that wants a certificate of ours gets it")
    func mutual() async throws {
        let certificates = try Certificates()
        let server = try await certificates.start(["tls-auth-clients", "yes"])
        try await TestClient("rediss://\(server.address)") {
            $0.tls.authorities = certificates.folder + "/ca.crt"
            $0.tls.certificate = certificates.folder + "/server.crt"
            $0.tls.key = certificates.folder + "/server.key"
        }.use { client in
            try await client.ready()
        }
        try await TestClient("rediss://\(server.address)") { $0.tls.authorities = certificates.folder + "/ca.crt" }.use
        {
            client in
            let error = await #expect(throws: RedisError.self) { try await client.ready() }
            #expect(error?.code == .tlsFailed)
        }
    }

    @Test("TLS where there is none, and none where there is, are told")
    func mismatch() async throws {
        let certificates = try Certificates()
        let plain = try await RedisServer.start(.redis)
        try await TestClient("rediss://\(plain.address)") { $0.connectTimeout = .milliseconds(500) }.use { client in
            let error = await #expect(throws: RedisError.self) { try await client.ready() }
            #expect([.tlsFailed, .connectionLost, .timedOut].contains(error?.code))
            #expect(error?.description.contains("TLS") == true)
        }
        let secure = try await certificates.start(["tls-auth-clients", "no"])
        try await TestClient("\(secure.address)").use { client in
            let error = await #expect(throws: RedisError.self) { try await client.ready() }
            #expect(error?.code == .connectionLost || error?.code == .protocolViolation)
        }
    }

    @Test("Files that are no certificates are named", arguments: ["nothing.pem", "names"])
    func files(name: String) throws {
        let certificates = try Certificates()
        var tls = RedisTLS()
        tls.authorities = certificates.folder + "/" + name
        let error = #expect(throws: RedisError.self) { try tls.makeContext() }
        #expect(error?.description.contains(name) == true)
    }
}
