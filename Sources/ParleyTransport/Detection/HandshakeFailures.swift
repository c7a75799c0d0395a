package import Logging
package import NIOCore
package import ParleyModel
internal import Synchronization

/// Requests refused before they became a connection, by reason.
package final class HandshakeFailures: Sendable {
    /// What answers of the HTTP APIs are counted as.
    private static let labelsByStatus = [
        400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "wrong_method",
        408: "timeout",
        410: "gone", 413: "too_large", 426: Refusal.upgradeRequired.label, 429: "rate_limited", 500: "internal_error",
        502: "bad_gateway", 503: "unavailable", 504: "gateway_timeout",
    ]
    private static let otherLabel = "other"

    /// Every reason there is stands in it from the start, so that a rate is known of the first of a kind.
    private let counts: Mutex<[String: Int]>
    private let logger: Logger

    /// - Parameter labels: Reasons of others, beside those of ``Refusal``.
    package init(labels: [String] = [], logger: Logger) {
        self.logger = logger
        let labels = Refusal.all.map(\.label) + Array(Self.labelsByStatus.values) + [Self.otherLabel] + labels
        self.counts = Mutex(Dictionary(labels.map { ($0, 0) }) { count, _ in count })
    }

    /// - Parameter path: As it was asked for; what stands behind `?` is left out.
    package func count(
        _ refusal: Refusal,
        path: String? = nil,
        dialect: DialectName? = nil,
        from address: SocketAddress? = nil
    ) {
        self.count(refusal.label, status: refusal.status, path: path, dialect: dialect, from: address)
    }

    /// One that is no answer of HTTP.
    /// - Parameter facts: What the log says of it.
    package func count(label: String, _ message: Logger.Message, _ facts: @autoclosure () -> Logger.Metadata) {
        self.counts.withLock { $0[label, default: 0] += 1 }
        guard self.logger.logLevel <= .debug else { return }
        self.logger.debug(message, metadata: facts())
    }

    /// An answer of 400 or above.
    package func count(status: Int, path: String? = nil, from address: SocketAddress? = nil) {
        self.count(Self.labelsByStatus[status] ?? Self.otherLabel, status: status, path: path, from: address)
    }

    private func count(
        _ label: String,
        status: Int,
        path: String?,
        dialect: DialectName? = nil,
        from address: SocketAddress?
    ) {
        self.counts.withLock { $0[label, default: 0] += 1 }
        guard self.logger.logLevel <= .debug else { return }
        var facts: Logger.Metadata = ["status": .stringConvertible(status), "reason": "\(label)"]
        if let path { facts["path"] = "\(LoggedPath.of(path))" }
        if let dialect { facts["dialect"] = "\(dialect.rawValue)" }
        if let address = address?.clientIP { facts["address"] = "\(address)" }
        self.logger.debug("Request refused", metadata: facts)
    }

    package var byReason: [String: Int] { self.counts.withLock { $0 } }
}
