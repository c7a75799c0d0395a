internal import Foundation
public import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import ParleyModel

extension WebSocketClient {
    /// Connects to a server.
    ///
    /// - Parameters:
    ///   - url: `ws://host:port/path?query`, or `wss://…` for TLS.
    ///   - eventLoopGroup: `nil`: the one that the process shares.
    /// - Throws: ``WebSocketClientError``; `refused` carries the HTTP answer.
    public static func connect(
        to url: String,
        configuration: WebSocketClientConfiguration = WebSocketClientConfiguration(),
        eventLoopGroup: (any EventLoopGroup)? = nil
    ) async throws -> WebSocketClient {
        try await self.connect(to: WebSocketURL(url), configuration: configuration, eventLoopGroup: eventLoopGroup)
    }

    /// Connects to a server whose URL is taken apart already.
    public static func connect(
        to url: WebSocketURL,
        configuration: WebSocketClientConfiguration = WebSocketClientConfiguration(),
        eventLoopGroup: (any EventLoopGroup)? = nil
    ) async throws -> WebSocketClient {
        var random = SystemRandomNumberGenerator()
        let nonce = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let handshake = try ClientHandshake(url: url, configuration: configuration, nonce: nonce)
        let tls = url.isSecure ? try self.makeTLSContext(configuration.certificateVerification) : nil
        // It can be set apart from the URL, and what does not fit into 16 bits would end the process further down.
        guard (1...65535).contains(url.port) else {
            throw WebSocketClientError(.invalidURL, "cannot connect to port \(url.port): expected one from 1 to 65535")
        }
        let eventLoop = (eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton).next()
        let timeout = TimeAmount(configuration.connectTimeout)
        let deadline = NIODeadline.now() + timeout
        let promise = eventLoop.makePromise(of: WebSocketClient.self)

        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(self.makeTLSHandler(tls, host: url.host)) }
                    let handler = HandshakeHandler(
                        handshake,
                        url: url,
                        configuration: configuration,
                        deadline: deadline,
                        promise: promise
                    )
                    try handler.add(to: pipeline)
                }
            }
        let connected = bootstrap.connect(host: url.host, port: url.port)
        connected.whenFailure { promise.fail(WebSocketClientError.connecting(to: url, $0)) }
        return try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            promise.fail(CancellationError())
            connected.whenSuccess { $0.close(promise: nil) }
        }
    }

    private static func makeTLSContext(
        _ verification: WebSocketClientConfiguration.CertificateVerification
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        switch verification.wrapped {
        case .system: break
        case .authorities(let file):
            do {
                // The library does not say why a file cannot be read.
                guard access(file, R_OK) == 0 else { throw SystemFailure(code: errno) }
                let certificates = try NIOSSLCertificate.fromPEMFile(file)
                guard !certificates.isEmpty else { throw NIOSSLError.failedToLoadCertificate }
                configuration.trustRoots = .certificates(certificates)
            } catch {
                let reason =
                    error is NIOSSLError
                    ? "it holds no certificate in PEM form: expected -----BEGIN CERTIFICATE-----" : ErrorText.of(error)
                let message = "cannot read certificates from \(file): \(reason)"
                throw WebSocketClientError(.invalidArgument, message, underlyingError: error)
            }
        case .none: configuration.certificateVerification = .none
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw WebSocketClientError(
                .tlsFailed,
                "TLS cannot be set up: \(ErrorText.of(error))",
                underlyingError: error
            )
        }
    }

    /// An address is no server name (RFC 6066 §3); the certificate is then checked for the address itself.
    private static func makeTLSHandler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
    }
}
