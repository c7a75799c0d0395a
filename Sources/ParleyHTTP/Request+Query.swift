package import Hummingbird
internal import ParleyModel
internal import ParleyText
package import ParleyTransport

extension Request {
    /// Its query, as endpoints of WebSocket read theirs.
    package var query: QueryParameters { QueryParameters(self.uri.query.map { $0[...] }) }

    /// The first value of a parameter where one that is broken must not pass for none: its bytes that are no text become U+FFFD,
    /// and it a token or an account that nobody has.
    package func parameter(_ name: String) -> String? {
        QueryString(self.uri.query.map { $0[...] } ?? "")
            .first { PercentEncoding.decodeLeniently($0.name).hasSameBytes(as: name) }
            .map { PercentEncoding.decodeLeniently($0.value ?? "") }
    }
}
