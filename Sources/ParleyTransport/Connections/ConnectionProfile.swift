package import Logging
package import NIOCore
internal import ParleyDialects
package import ParleyHub
package import ParleyModel
package import WebSocketProtocol

/// What all WebSocket connections of one dialect have in common.
package final class ConnectionProfile: Sendable {
    package let dialect: DialectName
    /// `nil` where formats are chosen by somebody else.
    package let formats: WebSocketFormats?
    let rules: WebSocketConnectionMachine.Rules
    /// What clients are told when the server stops.
    let shutdown: CloseReason
    /// Bytes that the kernel may hold for a connection; `nil`: what the system thinks best. A small buffer makes a reader
    /// that has stopped visible early.
    let sendBufferBytes: Int?
    let ledger: MemoryLedger
    /// Names the dialect on every line.
    package let logger: Logger

    package init(
        dialect: DialectName,
        formats: WebSocketFormats?,
        limits: WebSocketLimits,
        slowConsumer: SlowConsumerPolicy,
        clock: ClockPolicy,
        shutdown: CloseReason,
        sendBufferBytes: Int? = nil,
        ledger: MemoryLedger,
        logger: Logger
    ) {
        self.dialect = dialect
        self.formats = formats
        self.rules = WebSocketConnectionMachine.Rules(limits: limits, clock: clock, slowConsumer: slowConsumer)
        self.shutdown = shutdown
        self.sendBufferBytes = sendBufferBytes
        self.ledger = ledger
        var logger = logger
        logger[metadataKey: "dialect"] = "\(dialect.rawValue)"
        self.logger = logger
    }

    package var slowConsumer: SlowConsumerPolicy { self.rules.slowConsumer }

    /// - Parameter address: The client's; `nil` when nobody knows.
    package func logOpened(_ connection: Connection?, from address: SocketAddress?) {
        guard let connection else { return }
        self.logger.debug(
            "Connection opened",
            metadata: ["connection": "\(connection.id)", "address": "\(address?.clientIP ?? "-")"]
        )
    }

    /// - Parameter connection: `nil` when the hub does not know it.
    func logClosing(_ connection: Connection?, _ reason: CloseReason) {
        self.logger.debug(
            "Closing connection",
            metadata: [
                "connection": "\(connection.map(\.id.description) ?? "-")",
                "code": .stringConvertible(reason.code),
                "reason": "\(reason.label)",
            ]
        )
    }

    /// - Parameter time: How long it lasted.
    package func logEnded(_ connection: ConnectionID, after time: TimeAmount) {
        self.logger.debug(
            "Connection ended",
            metadata: [
                "connection": "\(connection)",
                "seconds": .stringConvertible(Double(time.nanoseconds / 1_000_000) / 1000),
            ]
        )
    }
}

/// The wire formats of one dialect over WebSocket: plain, and compressed for each window size that may be agreed on.
package struct WebSocketFormats: Sendable {
    package let plain: FormatID
    /// By `server_max_window_bits`; empty when the dialect does not compress.
    package let compressed: [Int: FormatID]

    package func format(for compression: PerMessageDeflate?) -> FormatID {
        compression.flatMap { self.compressed[$0.serverMaxWindowBits] } ?? self.plain
    }

    /// Registers the formats of a dialect.
    package init(
        _ encoder: some DialectEncoder,
        of dialect: DialectName,
        compressing: Bool,
        in formats: inout HubConfiguration.Formats
    ) {
        self.plain = formats.register(WebSocketFormat(encoder: encoder, dialect: dialect, windowBits: nil))
        var compressed: [Int: FormatID] = [:]
        if compressing {
            for bits in 8...15 {
                compressed[bits] = formats.register(
                    WebSocketFormat(encoder: encoder, dialect: dialect, windowBits: bits)
                )
            }
        }
        self.compressed = compressed
    }
}
