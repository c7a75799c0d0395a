internal import Foundation
package import NIOCore
package import NIOPosix

/// A port to listen on, as messages about it name it.
package struct ListenerPlace: Sendable {
    /// Behind "The".
    package let name: String
    /// 0: any free one.
    package let port: Int
    /// The setting that the port comes from.
    package let setting: String

    package init(
        name: String,
        port: Int,
        setting: String
    ) {
        self.name = name
        self.port = port
        self.setting = setting
    }
}

/// Opens a port: whoever connects there gets a pipeline.
package struct ListenerBootstrap: Sendable {
    /// By which addresses of this machine a port is reached.
    package enum Interfaces: Sendable {
        /// `nil`: by all.
        case host(String?)
        /// From this machine alone, by either family. Where there is no IPv6, by IPv4.
        case bothLoopbacks
    }

    private static let loopback = "127.0.0.1"
    private static let loopback6 = "::1"

    package let group: MultiThreadedEventLoopGroup
    package let keepAlive: KeepAlive?
    package let acceptTrouble: AcceptTrouble
    /// Called with each connection, on its event loop.
    let setUp: @Sendable (any Channel) throws -> Void

    package init(
        group: MultiThreadedEventLoopGroup,
        keepAlive: KeepAlive?,
        acceptTrouble: AcceptTrouble,
        setUp: @escaping @Sendable (any Channel) throws -> Void
    ) {
        self.group = group
        self.keepAlive = keepAlive
        self.acceptTrouble = acceptTrouble
        self.setUp = setUp
    }

    /// - Returns: The listener, and perhaps its twin in the other family.
    package func bind(_ place: ListenerPlace, at interfaces: Interfaces) async throws(StartFailure) -> [any Channel] {
        // What does not fit into 16 bits would end the process further down.
        guard (0...65535).contains(place.port) else {
            throw StartFailure(
                description:
                    "The \(place.name) cannot listen on port \(place.port): expected a port from 0 to "
                    + "65535. Choose another one with \(place.setting)."
            )
        }
        switch interfaces {
        case .host(let host): return [try await self.bind(place, host: host)]
        case .bothLoopbacks:
            let channel = try await self.bind(place, host: Self.loopback)
            let port = channel.localAddress?.port ?? place.port
            do throws(StartFailure) {
                let twin = try await self.bindTwin(of: place, at: port)
                return [channel] + [twin].compactMap { $0 }
            } catch {
                try? await channel.close()
                throw error
            }
        }
    }

    private func bind(_ place: ListenerPlace, host: String?) async throws(StartFailure) -> any Channel {
        do {
            if let host { return try await self.bootstrap.bind(host: host, port: place.port).get() }
            // All interfaces means both families in one socket; where there is no IPv6, IPv4 alone.
            do {
                return try await self.bootstrap.bind(host: "::", port: place.port).get()
            } catch let error as IOError where error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL {
                return try await self.bootstrap.bind(host: "0.0.0.0", port: place.port).get()
            }
        } catch {
            throw StartFailure(description: BindFailure.sentence(error, place, host: host))
        }
    }

    /// The same listener in the other family, which some clients of `localhost` try alone.
    /// - Parameter port: What the first has.
    /// - Returns: `nil` where there is no IPv6, or where somebody else has the port there that chance has given us here.
    private func bindTwin(of place: ListenerPlace, at port: Int) async throws(StartFailure) -> (any Channel)? {
        do {
            return try await self.bootstrap.bind(host: Self.loopback6, port: port).get()
        } catch let error as IOError where error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL {
            return nil
        } catch let error as IOError where error.errnoCode == EADDRINUSE && place.port == 0 {
            return nil
        } catch {
            throw StartFailure(description: BindFailure.sentence(error, place, host: Self.loopback6))
        }
    }

    private var bootstrap: ServerBootstrap {
        let (keepAlive, acceptTrouble, setUp) = (self.keepAlive, self.acceptTrouble, self.setUp)
        return ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // What a listener has, the sockets that it accepts have from the start.
                    keepAlive?.apply(to: channel)
                    try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
                    try channel.pipeline.syncOperations.addHandler(AcceptPauseHandler(acceptTrouble))
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.setOptions(of: channel)
                    try setUp(channel)
                }
            }
    }

    /// Set here and not by the bootstrap, which takes three times as long for it.
    private static func setOptions(of channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        // Who has said all may still listen: it is up to each protocol what the end of input means.
        try options.setOption(.allowRemoteHalfClosure, value: true)
        // One read, then the next connection: nobody gets more of a loop turn by sending more.
        try options.setOption(.maxMessagesPerRead, value: 1)
        try options.setOption(.recvAllocator, value: ConnectionReads.ofRequests)
    }
}

/// How much of a connection is read at once.
enum ConnectionReads {
    /// While HTTP is spoken. All that one read brings is parsed in one go, and a request may be short.
    static var ofRequests: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: 4096)
    }

    /// The same for WebSocket and tunnels, which have shares of their own.
    static var ofStreams: AdaptiveRecvByteBufferAllocator { AdaptiveRecvByteBufferAllocator() }
}
