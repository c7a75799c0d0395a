internal import Hummingbird

extension Request {
    /// Its query, as endpoints of WebSocket read theirs.
    var query: QueryParameters { QueryParameters(self.uri.query.map { $0[...] }) }
}
