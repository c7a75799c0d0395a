internal import Logging
package import ParleyModel
package import ParleyTransport

extension HandshakeFailures {
    /// A CONNECT of Socket.IO that is answered by CONNECT_ERROR.
    package func count(_ refusal: ConnectRefusal, dialect: DialectName) {
        self.count(
            label: refusal.label,
            "CONNECT refused",
            [
                "reason": "\(refusal.label)", "dialect": "\(dialect.rawValue)", "connection": "\(refusal.connection)",
                "path": "\(LoggedPath.of(refusal.request.url))", "address": "\(refusal.request.remoteAddress ?? "-")",
            ]
        )
    }
}
